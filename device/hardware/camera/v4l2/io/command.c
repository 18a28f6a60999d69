#include "camera.h"

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *value) {
  char *end;
  if (!text || *text < '0' || *text > '9') return false;
  *value = strtoull(text, &end, 10);
  return !*end && *value >= least && *value <= most;
}

/* Ends `text` at the first `separator`. Returns the part after it, or NULL. */
static char *cut(char *text, char separator) {
  char *end = text ? strchr(text, separator) : NULL;
  if (!end) return NULL;
  *end = 0;
  return end + 1;
}

static bool option(const char *name, const char *value, struct options *options) {
  if (strcmp(name, "--buffers") == 0) return number(value, HELD + 1, BUFFERS, &options->buffers);
  if (strcmp(name, "--freeze-ms") == 0) return number(value, 1, 600000, &options->freeze_ms);
  if (strcmp(name, "--start-ms") == 0) return number(value, 1, 600000, &options->start_ms);
  if (strcmp(name, "--skip") == 0) return number(value, 0, 1000, &options->skip);
  bool is_jpeg = strcmp(value, "mjpeg") == 0;
  options->format = is_jpeg ? V4L2_PIX_FMT_MJPEG : V4L2_PIX_FMT_YUYV;
  return strcmp(name, "--format") == 0 && (is_jpeg || strcmp(value, "yuyv") == 0);
}

char **parse_options(char **words, struct options *options) {
  *options = (struct options){.buffers = 4, .freeze_ms = 1000, .start_ms = 5000, .skip = 3};
  for (; words[0] && strncmp(words[0], "--", 2) == 0; words += 2)
    if (!words[1] || !option(words[0], words[1], options)) return NULL;
  if (!words[0] || !words[1]) return NULL;
  uint64_t index;
  const char *folder = number(words[0], 0, 255, &index) ? "/dev/video" : "";
  snprintf(options->path, sizeof options->path, "%s%s", folder, words[0]);
  const char *height = cut(words[1], 'x');
  bool is_valid = *options->path == '/' && number(words[1], 1, 65535, &options->width) &&
                  number(height, 1, 65535, &options->height) && number(words[2], 1, 1000, &options->fps);
  return is_valid ? words + 3 : NULL;
}

bool parse_command(char *line, size_t length, struct command *c) {
  uint64_t id;
  bool is_whole = strlen(line) == length;
  char *verb = cut(line, ' '), *argument = cut(verb, ' ');
  *c = (struct command){0};
  if (!number(line, 0, UINT32_MAX, &id)) return false;
  c->id = (uint32_t)id;
  if (!is_whole || !verb) return false;
  if (strcmp(verb, "after") == 0) c->verb = AFTER;
  if (strcmp(verb, "latest") == 0) c->verb = LATEST;
  if (strcmp(verb, "controls") == 0) c->verb = CONTROLS;
  return c->verb == AFTER ? number(argument, 0, INT64_MAX, &c->after_ns) : c->verb != NONE && !argument;
}
