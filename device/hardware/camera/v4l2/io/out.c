#include "camera.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000, EXIT_NO_READER = 1 };

/* Waits for the reader. Meanwhile the kernel fills the queued buffers. */
void send_bytes(const void *bytes, size_t size) {
  struct pollfd out = {STDOUT_FILENO, POLLOUT, 0};
  for (const char *next = bytes; size > 0;) {
    ssize_t sent = write(STDOUT_FILENO, next, size);
    if (sent < 0 && errno != EINTR && (errno != EAGAIN || poll(&out, 1, PATIENCE_MS) == 0)) exit(EXIT_NO_READER);
    if (sent < 0) continue;
    next += sent;
    size -= (size_t)sent;
  }
}

void send_line(const char *format, ...) {
  char line[REPLY_SIZE];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (size > REPLY_SIZE - 1) size = REPLY_SIZE - 1;
  line[size] = '\n';
  send_bytes(line, (size_t)size + 1);
}
