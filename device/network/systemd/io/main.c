/* sortbin-notify: sends the state of the daemon to systemd. README.md describes its protocol. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define VERSION "1.0.0"

enum { PROTOCOL = 1, LINE_SIZE = 513, BARRIER_MS = 500, EXIT_SOCKET = 1, EXIT_USAGE = 2 };

static int fail(int code, const char *what, const char *why) {
  fprintf(stderr, "sortbin-notify: %s: %s\n", what, why);
  return code;
}

/* Returns a connected socket, or -1 after a message. A name that starts with @ is abstract. */
static int open_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t size = path ? strlen(path) : 0;
  if (size < 2 || (*path != '/' && *path != '@')) {
    fail(0, "NOTIFY_SOCKET", "is not set to an absolute path or a name that starts with @. Start this program in a unit of systemd");
    return -1;
  }
  if (size >= sizeof address.sun_path) {
    fail(0, path, "NOTIFY_SOCKET is longer than 107 bytes");
    return -1;
  }
  memcpy(address.sun_path, path, size);
  if (*path == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  /* A manager that does not read must not block this process forever. */
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = 2}, sizeof(struct timeval));
  /* A path ends with a zero byte, an abstract name does not. */
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (*path == '/'));
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, length) == 0) return fd;
  fail(0, path, strerror(errno));
  return -1;
}

static bool is_allowed(const char *line) {
  return strcmp(line, "READY=1") == 0 || strcmp(line, "WATCHDOG=1") == 0 || strcmp(line, "STOPPING=1") == 0 ||
         strncmp(line, "STATUS=", 7) == 0;
}

/* Waits until the manager has handled all datagrams. It drops those of a process that has ended. */
static void wait_for_manager(int fd) {
  static char text[] = "BARRIER=1";
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return;
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec part = {text, sizeof text - 1};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&control.header), &ends[1], sizeof(int));
  bool is_sent = sendmsg(fd, &message, MSG_NOSIGNAL) >= 0;
  close(ends[1]);
  /* The manager closes its end when it comes to this datagram. */
  if (is_sent) poll(&(struct pollfd){.fd = ends[0]}, 1, BARRIER_MS);
}

int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], "--version") == 0) return puts(VERSION) < 0;
  if (count != 1) return fail(EXIT_USAGE, "usage", "sortbin-notify [--version]. The daemon starts it");
  int fd = open_socket(getenv("NOTIFY_SOCKET"));
  if (fd < 0) return EXIT_SOCKET;
  printf("sortbin-notify %d %s\n", PROTOCOL, VERSION);
  if (fflush(stdout) != 0) return EXIT_SOCKET;
  char line[LINE_SIZE + 1];
  while (fgets(line, sizeof line, stdin)) {
    size_t size = strcspn(line, "\n");
    /* The daemon was killed while it wrote this line. */
    if (line[size] == 0 && feof(stdin)) break;
    if (line[size] == 0) return fail(EXIT_USAGE, "a line of standard input", "has a zero byte, or more than 512 bytes");
    line[size] = 0;
    if (!is_allowed(line)) return fail(EXIT_USAGE, line, "is not READY=1, WATCHDOG=1, STOPPING=1 or STATUS=");
    if (send(fd, line, size, MSG_NOSIGNAL) < 0) return fail(EXIT_SOCKET, line, strerror(errno));
  }
  wait_for_manager(fd);
  return 0;
}
