/* Fuzz target: parse_command receives any bytes. Whatever it accepts must be a valid command. */
#include "../../../../../device/hardware/lines/io/io.h"

#include <stdlib.h>
#include <string.h>

static void hold(bool is_true) {
  if (!is_true) abort();
}

static void hold_name(const char *name) {
  hold(memchr(name, 0, NAME_SIZE) != NULL && *name);
  for (; *name; name++) hold(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", *name) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size >= LINE_SIZE) return -1;
  /* On the heap with the exact size, so that the address sanitizer finds a read past the end. */
  char *text = malloc(size + 1);
  struct command c;
  memcpy(text, data, size);
  text[size] = 0;
  if (parse_command(text, &c) == NULL) {
    hold(c.verb <= VERB_SAFE);
    if (c.verb != VERB_RENEW && c.verb != VERB_SAFE) hold_name(c.name);
    if (c.verb == VERB_OUT || c.verb == VERB_PWM) hold(c.bound_us > 0 && c.bound_us <= 86400000000ull);
    if (c.verb == VERB_PWM) hold(0 < c.min_us && c.min_us <= c.max_us && c.max_us <= c.period_us);
    if (c.verb <= VERB_PWM) hold(memchr(c.where, 0, PLACE_SIZE) != NULL && *c.where);
    hold(c.guard_count <= GUARDS && memchr(c.group, 0, NAME_SIZE) != NULL);
    for (unsigned i = 0; i < c.guard_count; i++) hold_name(c.guards[i]);
  }
  free(text);
  return 0;
}
