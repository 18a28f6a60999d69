#include "io.h"

#include <string.h>

/* One day in microseconds, the maximum of every time. */
static const uint64_t MOST = 86400000000ull;

/* The words of a line, split in place. One space separates two words. None is allowed at the ends. */
struct words {
  char *next;
};

static char *next_word(struct words *words) {
  char *word = words->next;
  if (!word || !*word || *word == ' ') return NULL;
  char *space = strchr(word, ' ');
  if (space) *space = 0;
  words->next = space ? space + 1 : NULL;
  return word;
}

static bool number(const char *text, uint64_t most, uint64_t *value) {
  if (!text || !*text || strlen(text) > 11) return false;
  *value = 0;
  for (; *text; text++) {
    if (*text < '0' || *text > '9') return false;
    *value = *value * 10 + (uint64_t)(*text - '0');
  }
  return *value <= most;
}

static bool name(const char *text, char *to) {
  if (!text || !*text || strlen(text) >= NAME_SIZE) return false;
  for (const char *c = text; *c; c++)
    if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || strchr("-_.", *c))) return false;
  strcpy(to, text);
  return true;
}

static bool where(const char *text, char *to) {
  if (!text || strlen(text) >= PLACE_SIZE) return false;
  strcpy(to, text);
  return true;
}

/* Returns the value of "key=value", or NULL if the key differs. */
static const char *after(const char *word, const char *key) {
  size_t size = strlen(key);
  return strncmp(word, key, size) == 0 && word[size] == '=' ? word + size + 1 : NULL;
}

static bool place(struct words *words, struct command *c) {
  const char *kind = next_word(words);
  uint64_t offset = 0;
  if (!kind) return false;
  if (strcmp(kind, "chip") == 0) {
    c->place = AT_CHIP;
    if (!where(next_word(words), c->where) || !number(next_word(words), 4095, &offset)) return false;
    c->offset = (uint32_t)offset;
    return true;
  }
  if (strcmp(kind, "line") == 0) c->place = AT_LINE;
  else if (strcmp(kind, "file") == 0 && c->verb == VERB_OUT) c->place = AT_FILE;
  else return false;
  return where(next_word(words), c->where);
}

static bool input_option(const char *word, struct command *c) {
  const char *value = after(word, "bias");
  if (value) {
    if (strcmp(value, "up") == 0) c->bias = BIAS_UP;
    else if (strcmp(value, "down") == 0) c->bias = BIAS_DOWN;
    else if (strcmp(value, "off") == 0) c->bias = BIAS_OFF;
    else return false;
    return true;
  }
  if (strcmp(word, "edges") == 0) return c->edges = true;
  return number(after(word, "debounce"), 60000000, &c->debounce_us);
}

static bool output_option(const char *word, struct command *c) {
  const char *value;
  if ((value = after(word, "bound"))) return number(value, MOST, &c->bound_us) && c->bound_us > 0;
  if ((value = after(word, "lease"))) return number(value, MOST, &c->lease_us) && c->lease_us > 0;
  if ((value = after(word, "group"))) return name(value, c->group);
  if ((value = after(word, "guard"))) return c->guard_count < GUARDS && name(value, c->guards[c->guard_count++]);
  if (c->verb == VERB_OUT) return number(after(word, "rest"), MOST, &c->rest_us);
  if ((value = after(word, "period"))) return number(value, MOST, &c->period_us);
  if ((value = after(word, "min"))) return number(value, MOST, &c->min_us);
  return number(after(word, "max"), MOST, &c->max_us);
}

static const char *options(struct words *words, struct command *c) {
  for (char *word; (word = next_word(words));) {
    if (strcmp(word, "low") == 0 && c->verb != VERB_PWM) c->low = true;
    else if (!(c->verb == VERB_IN ? input_option(word, c) : output_option(word, c))) return "an option is wrong";
  }
  if (c->verb != VERB_IN && c->bound_us == 0) return "an output needs its bound";
  if (c->verb == VERB_PWM && !(0 < c->min_us && c->min_us <= c->max_us && c->max_us <= c->period_us))
    return "min, max and period are not in order";
  return NULL;
}

static const char *request(struct words *words, struct command *c) {
  if (c->verb != VERB_PWM) return place(words, c) ? options(words, c) : "the place is wrong";
  uint64_t channel = 0;
  c->place = AT_PWM;
  if (!where(next_word(words), c->where) || !number(next_word(words), 255, &channel)) return "the place is wrong";
  c->offset = (uint32_t)channel;
  return options(words, c);
}

static const char *time_given(struct words *words, struct command *c) {
  const char *word = next_word(words);
  if (!word) return NULL;
  return number(word, MOST, &c->time_us) && c->time_us > 0 ? NULL : "the time is wrong";
}

static const struct {
  const char *word;
  enum verb verb;
  bool named;
} VERBS[] = {
    {"in", VERB_IN, true},   {"out", VERB_OUT, true},       {"pwm", VERB_PWM, true},
    {"on", VERB_ON, true},   {"duty", VERB_DUTY, true},     {"off", VERB_OFF, true},
    {"get", VERB_GET, true}, {"renew", VERB_RENEW, false},  {"safe", VERB_SAFE, false},
};

static const char *rest(struct words *words, struct command *c) {
  switch (c->verb) {
    case VERB_IN:
    case VERB_OUT:
    case VERB_PWM: return request(words, c);
    case VERB_DUTY:
      if (!number(next_word(words), MOST, &c->pulse_us)) return "the pulse is wrong";
      return time_given(words, c);
    case VERB_ON: return time_given(words, c);
    default: return NULL;
  }
}

const char *parse_command(char *text, struct command *c) {
  struct words words = {text};
  uint64_t id = 0;
  memset(c, 0, sizeof *c);
  if (!number(next_word(&words), UINT32_MAX, &id)) return "it begins with no number";
  c->id = (uint32_t)id;
  const char *verb = next_word(&words);
  for (size_t i = 0; verb && i < sizeof VERBS / sizeof *VERBS; i++) {
    if (strcmp(verb, VERBS[i].word) != 0) continue;
    c->verb = VERBS[i].verb;
    if (VERBS[i].named && !name(next_word(&words), c->name)) return "the name is wrong";
    const char *wrong = rest(&words, c);
    if (wrong) return wrong;
    return words.next ? "there are words too many" : NULL;
  }
  return "there is no such command";
}
