/* Fuzz target: the parsers receive any bytes, as a line of input and as a command line of words without spaces. */
#include "../../../../../../device/hardware/camera/v4l2/io/camera.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 64 };

static void hold(bool is_true) {
  if (!is_true) abort();
}

static void parse_line(char *text, size_t length) {
  struct command c;
  bool is_text = !memchr(text, 0, length);
  if (parse_command(text, length, &c))
    hold(is_text && c.verb > NONE && c.verb <= CONTROLS && c.after_ns <= INT64_MAX);
}

static void parse_words(char *text, size_t length) {
  (void)length;
  struct options o;
  char *words[WORDS + 1] = {NULL};
  int count = 0;
  for (char *word = strtok(text, " "); word && count < WORDS; word = strtok(NULL, " ")) words[count++] = word;
  char **rest = parse_options(words, &o);
  if (!rest) return;
  hold(rest >= words + 3 && rest <= words + count && *o.path == '/');
  hold(o.width > 0 && o.width <= 65535 && o.height > 0 && o.height <= 65535 && o.fps > 0 && o.fps <= 1000);
  hold(o.buffers > HELD && o.buffers <= BUFFERS && o.freeze_ms > 0 && o.start_ms > 0 && o.skip <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void (*const parsers[])(char *, size_t) = {parse_line, parse_words};
  for (int i = 0; i < 2; i++) {
    /* On the heap with the exact size, so that the address sanitizer finds a read past the end. */
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    parsers[i](text, size);
    free(text);
  }
  return 0;
}
