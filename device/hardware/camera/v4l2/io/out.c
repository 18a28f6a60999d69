#include "camera.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000 };

/* Waits for its reader. The kernel fills the queued buffers meanwhile. */
void send_bytes(const void *bytes, size_t size) {
  const char *next = bytes;
  while (size > 0) {
    ssize_t sent = write(STDOUT_FILENO, next, size);
    struct pollfd out = {STDOUT_FILENO, POLLOUT, 0};
    if (sent >= 0) {
      next += sent;
      size -= (size_t)sent;
    } else if (errno != EINTR && (errno != EAGAIN || poll(&out, 1, PATIENCE_MS) == 0)) exit(EXIT_NO_READER);
  }
}

void send_line(const char *format, ...) {
  char line[REPLY_SIZE];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (size < 0) return;
  if (size > REPLY_SIZE - 1) size = REPLY_SIZE - 1;
  line[size++] = '\n';
  send_bytes(line, (size_t)size);
}
