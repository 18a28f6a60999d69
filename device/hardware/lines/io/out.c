#include "io.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Writes never block: a caller that hangs must not stop this process. */
static struct {
  char text[OUT_SIZE];
  size_t size;
  bool full;
} out;

static bool say_within(size_t most, const char *format, va_list arguments) {
  char line[512];
  int size = vsnprintf(line, sizeof line - 1, format, arguments);
  if (size < 0) return false;
  if (size > (int)sizeof line - 2) size = sizeof line - 2;
  line[size++] = '\n';
  if (out.size + (size_t)size > most) return false;
  memcpy(out.text + out.size, line, (size_t)size);
  out.size += (size_t)size;
  return true;
}

bool say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  bool said = say_within(OUT_SIZE / 2, format, arguments);
  va_end(arguments);
  return said;
}

void answer(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (!say_within(OUT_SIZE, format, arguments)) out.full = true;
  va_end(arguments);
}

bool is_to_write(void) { return out.size > 0; }

bool write_out(void) {
  if (out.full) return false;
  if (out.size == 0) return true;
  ssize_t size = write(STDOUT_FILENO, out.text, out.size);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  out.size -= (size_t)size;
  memmove(out.text, out.text + size, out.size);
  return true;
}
