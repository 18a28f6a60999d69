#include "camera.h"

#include <stdio.h>
#include <string.h>

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *value) {
  if (!text || !*text || strlen(text) > 19) return false;
  for (*value = 0; *text; text++) {
    if (*text < '0' || *text > '9') return false;
    *value = *value * 10 + (uint64_t)(*text - '0');
  }
  return *value >= least && *value <= most;
}

/* Ends `text` at the first `separator`. Returns the part after it, or NULL. */
static char *cut(char *text, char separator) {
  char *end = text ? strchr(text, separator) : NULL;
  if (!end) return NULL;
  *end = 0;
  return end + 1;
}

static const char *setting(char *word, struct setting *setting) {
  uint64_t value = 0;
  char *text = cut(word, '=');
  bool is_negative = text && *text == '-';
  if (!text || !*word || strlen(word) >= NAME_SIZE || word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_")])
    return "a control is <name>=<value>, with a name of a-z 0-9 _";
  if (!number(text + is_negative, 0, INT32_MAX, &value)) return "the value of a control is a whole number of 32 bits";
  strcpy(setting->name, word);
  setting->value = is_negative ? -(int32_t)value : (int32_t)value;
  return NULL;
}

static bool device(const char *word, char path[PATH_SIZE]) {
  uint64_t index;
  if (number(word, 0, DEVICES - 1, &index)) return snprintf(path, PATH_SIZE, "/dev/video%d", (int)index) > 0;
  return *word == '/' && snprintf(path, PATH_SIZE, "%s", word) < PATH_SIZE;
}

static bool format(const char *word, uint32_t *format) {
  *format = strcmp(word, "mjpeg") == 0 ? V4L2_PIX_FMT_MJPEG : strcmp(word, "yuyv") == 0 ? V4L2_PIX_FMT_YUYV : 0;
  return *format != 0;
}

const char *parse_options(int count, char **words, struct options *options) {
  *options = (struct options){.buffers = 4, .freeze_ms = 1000, .start_ms = 5000, .skip = 3};
  int at = 0;
  for (; at + 1 < count && strncmp(words[at], "--", 2) == 0; at += 2) {
    const char *name = words[at] + 2, *value = words[at + 1];
    bool is_valid = strcmp(name, "buffers") == 0     ? number(value, HELD + 1, BUFFERS, &options->buffers)
                    : strcmp(name, "freeze-ms") == 0 ? number(value, 1, 600000, &options->freeze_ms)
                    : strcmp(name, "start-ms") == 0  ? number(value, 1, 600000, &options->start_ms)
                    : strcmp(name, "skip") == 0      ? number(value, 0, 1000, &options->skip)
                    : strcmp(name, "format") == 0 && format(value, &options->format);
    if (!is_valid)
      return "an option is wrong: buffers is 3 to 32, freeze-ms and start-ms 1 to 600000, skip 0 to 1000, "
             "format mjpeg or yuyv";
  }
  if (count - at < 3) return "DEVICE, WIDTHxHEIGHT and FPS are required";
  char *height = cut(words[at + 1], 'x');
  if (!device(words[at], options->path)) return "DEVICE is an absolute path or an index from 0 to 255";
  if (!number(words[at + 1], 1, 65535, &options->width) || !number(height, 1, 65535, &options->height))
    return "WIDTHxHEIGHT is a size in pixels, for example 640x480";
  if (!number(words[at + 2], 1, 1000, &options->fps)) return "FPS is 1 to 1000";
  if (count - at - 3 > SETTINGS) return "there are more than 32 controls";
  for (at += 3; at < count; at++) {
    const char *wrong = setting(words[at], &options->settings[options->setting_count++]);
    if (wrong) return wrong;
  }
  return NULL;
}

const char *parse_command(char *text, struct command *c) {
  uint64_t id;
  char *verb = cut(text, ' '), *argument = cut(verb, ' ');
  *c = (struct command){0};
  if (!number(text, 0, UINT32_MAX, &id)) return "it does not begin with a number";
  c->id = (uint32_t)id;
  if (verb && strcmp(verb, "after") == 0)
    return number(argument, 0, INT64_MAX, &c->after_ns) ? NULL : "the time is wrong";
  if (verb && argument && strcmp(verb, "set") == 0) {
    c->verb = VERB_SET;
    return setting(argument, &c->setting);
  }
  if (!verb || argument || (strcmp(verb, "latest") && strcmp(verb, "controls"))) return "there is no such command";
  c->verb = *verb == 'l' ? VERB_LATEST : VERB_CONTROLS;
  return NULL;
}
