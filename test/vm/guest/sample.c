// sample FILE EVERY_US FOR_MS: reads a small file of the kernel every EVERY_US microseconds, for FOR_MS milliseconds.
// It prints `<ns> <value>` for the first reading and for each that differs from the one before. <ns> is CLOCK_MONOTONIC.
// The last line is `<ns> end <n>`, or `<ns> gone <n>` if the file can no longer be read. <n> is the longest gap between
// two readings, in nanoseconds. SIGTERM ends it early, after a last reading.
// It is a separate process with real-time priority, so that it also samples while a test blocks its event loop.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int number) {
  (void)number;
  stopped = 1;
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: sample FILE EVERY_US FOR_MS\n");
    return 2;
  }
  int file = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    perror(argv[1]);
    return 1;
  }
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  signal(SIGTERM, stop);
  sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10});
  setvbuf(stdout, NULL, _IOLBF, 0);

  int64_t every_ns = atoll(argv[2]) * 1000, due_ns = now_ns(), end_ns = due_ns + atoll(argv[3]) * 1000000;
  int64_t last_ns = due_ns, longest_ns = 0;
  char value[64], before[64] = "";
  // The last reading is taken after the stop.
  for (int last = 0; !last;) {
    last = stopped || last_ns >= end_ns;
    ssize_t size = pread(file, value, sizeof value - 1, 0);
    int64_t read_ns = now_ns();
    if (read_ns - last_ns > longest_ns)
      longest_ns = read_ns - last_ns;
    last_ns = read_ns;
    if (size < 0) {
      printf("%lld gone %lld\n", (long long)read_ns, (long long)longest_ns);
      return 0;
    }
    value[size] = 0;
    value[strcspn(value, "\n")] = 0;
    if (strcmp(value, before) != 0)
      printf("%lld %s\n", (long long)read_ns, value);
    strcpy(before, value);
    // Skips the times that were missed.
    do
      due_ns += every_ns;
    while (due_ns <= read_ns);
    struct timespec due = {.tv_sec = due_ns / 1000000000, .tv_nsec = due_ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
  }
  printf("%lld end %lld\n", (long long)last_ns, (long long)longest_ns);
  return 0;
}
