#include "io.h"

#include <string.h>

/* Delay before the next attempt if the kernel failed to drive a line off. */
static const uint64_t STUCK_NS = 10000000;

static uint64_t least(uint64_t one, uint64_t other) { return one < other ? one : other; }

struct line *find_line(struct board *board, const char *name) {
  for (int i = 0; i < LINES; i++)
    if (board->lines[i].used && strcmp(board->lines[i].name, name) == 0) return &board->lines[i];
  return NULL;
}

void lose_line(struct line *line) {
  answer("gone %s its chip is no longer there", line->name);
  pin_drop(&line->pin);
  line->used = false;
}

/* A guard that cannot be read counts as active. */
static bool is_guarded(struct board *board, const struct line *line) {
  for (unsigned i = 0; i < line->guard_count; i++) {
    struct line *guard = find_line(board, line->guards[i]);
    if (!guard || guard->output || pin_level(&guard->pin) != 0) return true;
  }
  return false;
}

const char *turn_on(struct board *board, struct line *line, uint64_t pulse_ns, uint64_t time_ns, uint64_t now_ns) {
  bool pwm = line->max_ns > 0;
  if (!line->output) return "refused it is an input";
  if (pwm != (pulse_ns > 0)) return pwm ? "refused a PWM channel takes duty" : "refused it is no PWM channel";
  if (pwm && (pulse_ns < line->min_ns || pulse_ns > line->max_ns)) return "refused the pulse is out of its bounds";
  if (!time_ns && !line->lease_ns) return "refused it has no lease, so give a time";
  if (line->on) return "refused it is on already";
  if (line->off_at_ns && now_ns - line->off_at_ns < line->rest_ns) return "refused it rests";
  for (int i = 0; i < LINES; i++) {
    const struct line *other = &board->lines[i];
    if (other->used && other->on && line->group[0] && strcmp(other->group, line->group) == 0)
      return "refused another of its group is on";
  }
  if (is_guarded(board, line)) return "guarded a guard is active";
  /* Set before the line is driven, so that the limits end it even if the kernel reports a failure. */
  line->on = true;
  line->stuck = false;
  line->on_at_ns = now_ns;
  line->bound_end_ns = now_ns + line->bound_ns;
  line->end_ns = time_ns ? now_ns + time_ns : UINT64_MAX;
  line->lease_end_ns = line->lease_ns ? now_ns + line->lease_ns : UINT64_MAX;
  enum failure failure = pin_drive(&line->pin, true, pulse_ns);
  if (failure == OK) return NULL;
  if (failure == GONE) {
    lose_line(line);
    return "gone its chip is no longer there";
  }
  turn_off(line, "command", now_ns);
  return "failed the kernel did not take it";
}

void turn_off(struct line *line, const char *reason, uint64_t now_ns) {
  if (!line->on) return;
  enum failure failure = pin_drive(&line->pin, false, 0);
  if (failure == GONE) return lose_line(line);
  if (failure != OK) {
    line->stuck = true;
    line->end_ns = now_ns + STUCK_NS;
    return;
  }
  line->on = false;
  line->off_at_ns = now_ns;
  answer("off %s %s %llu", line->name, reason, (unsigned long long)now_ns);
}

void all_off(struct board *board, const char *reason, uint64_t now_ns) {
  for (int i = 0; i < LINES; i++)
    if (board->lines[i].used) turn_off(&board->lines[i], reason, now_ns);
}

void renew(struct board *board, uint64_t now_ns) {
  for (int i = 0; i < LINES; i++) {
    struct line *line = &board->lines[i];
    if (line->used && line->on && line->lease_ns) line->lease_end_ns = now_ns + line->lease_ns;
  }
}

uint64_t end_what_is_over(struct board *board, uint64_t now_ns) {
  uint64_t next = UINT64_MAX;
  for (int i = 0; i < LINES; i++) {
    struct line *line = &board->lines[i];
    if (!line->used || !line->on) continue;
    if (line->stuck ? now_ns >= line->end_ns : now_ns >= line->bound_end_ns) turn_off(line, "bound", now_ns);
    else if (!line->stuck && now_ns >= line->end_ns) turn_off(line, "time", now_ns);
    else if (!line->stuck && now_ns >= line->lease_end_ns) turn_off(line, "lease", now_ns);
    if (!line->used || !line->on) continue;
    next = least(next, line->stuck ? line->end_ns : least(line->end_ns, least(line->bound_end_ns, line->lease_end_ns)));
  }
  return next == UINT64_MAX ? 0 : next;
}

void guard_is_active(struct board *board, const char *guard, uint64_t now_ns) {
  for (int i = 0; i < LINES; i++) {
    struct line *line = &board->lines[i];
    for (unsigned g = 0; line->used && line->on && g < line->guard_count; g++)
      if (strcmp(line->guards[g], guard) == 0) turn_off(line, "guard", now_ns);
  }
}
