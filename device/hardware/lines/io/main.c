#define _GNU_SOURCE
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { PROTOCOL = 1, EXIT_ASKED = 0, EXIT_ONE_FAILED = 1, EXIT_NO_COMMAND = 2, RUNNING = -1 };

static struct board board;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

static const char *const CODES[] = {"ok", "missing", "busy", "denied", "gone", "failed"};

static struct line *free_line(void) {
  for (int i = 0; i < LINES; i++)
    if (!board.lines[i].used) return &board.lines[i];
  return NULL;
}

static void request(const struct command *c) {
  char why[WHY_SIZE] = "";
  struct line *line = free_line();
  if (find_line(&board, c->name)) return answer("%u error refused the name is taken", c->id);
  if (!line) return answer("%u error refused there are %d names already", c->id, LINES);
  memset(line, 0, sizeof *line);
  enum failure failure = pin_take(&line->pin, c, why);
  if (failure != OK) return answer("%u error %s %s", c->id, CODES[failure], why);
  line->used = true;
  line->output = c->verb != VERB_IN;
  line->bound_ns = c->bound_us * 1000;
  line->rest_ns = c->rest_us * 1000;
  line->lease_ns = c->lease_us * 1000;
  line->min_ns = c->min_us * 1000;
  line->max_ns = c->max_us * 1000;
  line->guard_count = c->guard_count;
  memcpy(line->name, c->name, sizeof line->name);
  memcpy(line->group, c->group, sizeof line->group);
  memcpy(line->guards, c->guards, sizeof line->guards);
  answer("%u ok", c->id);
}

static void get(const struct command *c, struct line *line) {
  int level = line->output ? line->on : pin_level(&line->pin);
  if (level >= 0) return answer("%u ok %d", c->id, level);
  answer("%u error gone its chip is no longer there", c->id);
}

static void perform(const struct command *c) {
  if (c->verb <= VERB_PWM) return request(c);
  if (c->verb == VERB_RENEW) {
    renew(&board, now());
    return answer("%u ok", c->id);
  }
  if (c->verb == VERB_SAFE) {
    all_off(&board, "command", now());
    return answer("%u ok", c->id);
  }
  struct line *line = find_line(&board, c->name);
  if (!line) return answer("%u error missing there is no %s", c->id, c->name);
  if (c->verb == VERB_GET) return get(c, line);
  if (c->verb == VERB_OFF) {
    turn_off(line, "command", now());
    return answer("%u ok", c->id);
  }
  const char *refusal = turn_on(&board, line, c->pulse_us * 1000, c->time_us * 1000, now());
  if (refusal) return answer("%u error %s", c->id, refusal);
  answer("%u ok", c->id);
}

/* Bytes of standard input that do not form a complete line yet. */
static struct {
  char text[4096];
  size_t size;
} in;

/* Returns RUNNING, or the exit code. */
static int take_commands(void) {
  ssize_t size = read(STDIN_FILENO, in.text + in.size, sizeof in.text - in.size);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? RUNNING : EXIT_ASKED;
  if (size == 0) return EXIT_ASKED;
  in.size += (size_t)size;
  size_t start = 0;
  for (char *end; (end = memchr(in.text + start, '\n', in.size - start));) {
    struct command command = {0};
    char *text = in.text + start;
    size_t length = (size_t)(end - text);
    *end = 0;
    const char *wrong = length >= LINE_SIZE         ? "it is too long"
                        : memchr(text, 0, length) ? "it holds a zero byte"
                                                  : parse_command(text, &command);
    if (wrong) {
      answer("%u error command %s", command.id, wrong);
      return EXIT_NO_COMMAND;
    }
    perform(&command);
    start = (size_t)(end - in.text) + 1;
  }
  in.size -= start;
  memmove(in.text, in.text + start, in.size);
  if (in.size < LINE_SIZE) return RUNNING;
  answer("0 error command it is too long");
  return EXIT_NO_COMMAND;
}

/* Handles the events of a polled line: edges of an input, or the removal of its chip. An output has no other event. */
static void take_news(struct line *line) {
  struct edge edges[16];
  int count = line->output ? -1 : pin_edges(&line->pin, edges, 16);
  if (count < 0) {
    char name[NAME_SIZE];
    memcpy(name, line->name, sizeof name);
    lose_line(line);
    return guard_is_active(&board, name, now());
  }
  for (int i = 0; i < count; i++) {
    if (edges[i].active) guard_is_active(&board, line->name, now());
    /* If the buffer is full, the next edge that fits reports this one as missed. */
    if (!say("edge %s %llu %d %u", line->name, (unsigned long long)edges[i].at_ns, edges[i].active,
             edges[i].missed + line->pin.lost))
      line->pin.lost += 1 + edges[i].missed;
    else line->pin.lost = 0;
  }
}

static void wake_at(int timer, uint64_t at_ns) {
  struct itimerspec when = {0};
  when.it_value.tv_sec = (time_t)(at_ns / 1000000000ull);
  when.it_value.tv_nsec = (long)(at_ns % 1000000000ull);
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static int serve(int signals, int timer) {
  for (;;) {
    struct pollfd polled[LINES + 4] = {{STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}, {timer, POLLIN, 0},
                                       {STDOUT_FILENO, is_to_write() ? POLLOUT : 0, 0}};
    struct line *lines[LINES];
    nfds_t count = 4;
    for (int i = 0; i < LINES; i++) {
      struct line *line = &board.lines[i];
      if (!line->used || !line->pin.device) continue;
      lines[count - 4] = line;
      polled[count++] = (struct pollfd){line->pin.fd, line->output ? 0 : POLLIN, 0};
    }
    wake_at(timer, end_what_is_over(&board, now()));
    if (poll(polled, count, -1) < 0 && errno != EINTR) return EXIT_ASKED;
    /* Expired outputs come first, so that many commands or edges cannot delay them. */
    end_what_is_over(&board, now());
    if (polled[2].revents) {
      uint64_t times;
      if (read(timer, &times, sizeof times) < 0 && errno != EAGAIN) return EXIT_ASKED;
    }
    if (polled[1].revents) return EXIT_ASKED;
    for (nfds_t i = 4; i < count; i++)
      if (polled[i].revents && lines[i - 4]->used) take_news(lines[i - 4]);
    if (polled[3].revents & (POLLERR | POLLHUP)) return EXIT_ASKED;
    if (polled[0].revents) {
      int code = take_commands();
      if (code != RUNNING) return code;
    }
    if (!write_out()) return EXIT_NO_COMMAND;
  }
}

/* Drives each output of a file off. Continues if one of them is not available. */
static int make_safe(const char *path) {
  FILE *file = fopen(path, "re");
  if (!file) {
    fprintf(stderr, "sortbin-io: %s: %s\n", path, strerror(errno));
    return EXIT_ONE_FAILED;
  }
  int code = EXIT_ASKED;
  char text[LINE_SIZE + 1], why[WHY_SIZE];
  while (fgets(text, sizeof text, file)) {
    struct command command;
    struct pin pin;
    text[strcspn(text, "\n")] = 0;
    const char *wrong = parse_command(text, &command);
    if (wrong) {
      fprintf(stderr, "sortbin-io: %s: %s\n", path, wrong);
      code = EXIT_ONE_FAILED;
      continue;
    }
    if (command.verb != VERB_OUT && command.verb != VERB_PWM) continue;
    /* pin_take drives the output off. */
    if (pin_take(&pin, &command, why) == OK) {
      pin_drop(&pin);
      continue;
    }
    fprintf(stderr, "sortbin-io: %s: %s\n", command.name, why);
    code = EXIT_ONE_FAILED;
  }
  fclose(file);
  return code;
}

/* All signals, except those that do nothing by default. The kernel leaves out SIGKILL, SIGSTOP and its own faults. */
static sigset_t signals_that_end(void) {
  sigset_t ends;
  /* sigfillset leaves out the signals that libc uses for threads, which would end this process with its outputs on. */
  memset(&ends, 0xff, sizeof ends);
  sigdelset(&ends, SIGCHLD);
  sigdelset(&ends, SIGCONT);
  sigdelset(&ends, SIGURG);
  sigdelset(&ends, SIGWINCH);
  return ends;
}

int main(int count, char **words) {
  if (count == 3 && strcmp(words[1], "--safe") == 0) return make_safe(words[2]);
  if (count == 2 && strcmp(words[1], "--version") == 0) return puts(VERSION) < 0;
  if (count == 2 && strcmp(words[1], "--list") == 0) {
    list_all();
    return fflush(stdout) != 0;
  }
  if (count != 1) {
    fputs("usage: sortbin-io [--safe FILE | --list | --version]; it is the daemon that speaks to it\n", stderr);
    return EXIT_NO_COMMAND;
  }
  /* Both calls may fail without permission. sortbin-io works without them. */
  mlockall(MCL_CURRENT | MCL_FUTURE);
  sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10});

  sigset_t ends = signals_that_end();
  sigprocmask(SIG_BLOCK, &ends, NULL);
  int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (signals < 0 || timer < 0) return EXIT_ONE_FAILED;
  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);

  answer("sortbin-io %d %s", PROTOCOL, VERSION);
  int code = write_out() ? serve(signals, timer) : EXIT_ASKED;
  for (int tries = 0; tries < 5; tries++) all_off(&board, "command", now());
  write_out();
  return code;
}
