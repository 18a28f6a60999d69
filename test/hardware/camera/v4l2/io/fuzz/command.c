/* Fuzz target: the parsers receive any bytes, as a line of input and as a command line of words without spaces. */
#include "../../../../../../device/hardware/camera/v4l2/io/camera.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 64 };

static void hold(bool is_true) {
  if (!is_true) abort();
}

static void hold_setting(const struct setting *setting) {
  hold(memchr(setting->name, 0, NAME_SIZE) != NULL && *setting->name);
  hold(strspn(setting->name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(setting->name));
  hold(setting->value >= -INT32_MAX);
}

static void parse_line(char *text) {
  struct command c;
  if (parse_command(text, &c) != NULL) return;
  hold(c.verb <= VERB_SET && c.after_ns <= INT64_MAX);
  if (c.verb == VERB_SET) hold_setting(&c.setting);
}

static void parse_words(char *text) {
  static struct options o;
  char *words[WORDS];
  int count = 0;
  for (char *word = strtok(text, " "); word && count < WORDS; word = strtok(NULL, " ")) words[count++] = word;
  if (parse_options(count, words, &o) != NULL) return;
  hold(memchr(o.path, 0, PATH_SIZE) != NULL && *o.path == '/');
  hold(o.width > 0 && o.width <= 65535 && o.height > 0 && o.height <= 65535 && o.fps > 0 && o.fps <= 1000);
  hold(o.buffers > HELD && o.buffers <= BUFFERS && o.freeze_ms > 0 && o.start_ms > 0 && o.skip <= 1000);
  hold(o.setting_count <= SETTINGS);
  for (unsigned i = 0; i < o.setting_count; i++) hold_setting(&o.settings[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void (*const parsers[])(char *) = {parse_line, parse_words};
  for (int i = 0; i < 2; i++) {
    /* On the heap with the exact size, so that the address sanitizer finds a read past the end. */
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = 0;
    parsers[i](text);
    free(text);
  }
  return 0;
}
