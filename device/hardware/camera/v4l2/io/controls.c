#include "camera.h"

#include <ctype.h>

/* Writes a name as v4l2-ctl does: "White Balance, Automatic" becomes white_balance_automatic. */
static void normalise(char *name) {
  char *to = name;
  for (const char *from = name; *from; from++)
    if (isalnum((unsigned char)*from)) *to++ = (char)tolower((unsigned char)*from);
    else if (to > name && to[-1] != '_') *to++ = '_';
  to[to > name && to[-1] == '_' ? -1 : 0] = 0;
}

/* Moves to the next control. Begins with a zeroed structure. */
static bool next_control(int fd, struct v4l2_queryctrl *control, struct v4l2_control *present) {
  for (;;) {
    control->id |= V4L2_CTRL_FLAG_NEXT_CTRL;
    if (ioctl(fd, VIDIOC_QUERYCTRL, control) < 0) return false;
    bool is_integer = control->type == V4L2_CTRL_TYPE_INTEGER || control->type == V4L2_CTRL_TYPE_BOOLEAN ||
                      control->type == V4L2_CTRL_TYPE_MENU || control->type == V4L2_CTRL_TYPE_INTEGER_MENU;
    present->id = control->id;
    if (!is_integer || control->flags & V4L2_CTRL_FLAG_DISABLED || ioctl(fd, VIDIOC_G_CTRL, present) < 0) continue;
    control->name[sizeof control->name - 1] = 0;
    normalise((char *)control->name);
    return true;
  }
}

void print_controls(int fd, const char *prefix) {
  struct v4l2_queryctrl control = {0};
  struct v4l2_control present;
  while (next_control(fd, &control, &present)) {
    const char *read_only = control.flags & V4L2_CTRL_FLAG_READ_ONLY ? "r" : "";
    const char *inactive = control.flags & V4L2_CTRL_FLAG_INACTIVE ? "i" : *read_only ? "" : "-";
    printf("%scontrol %s %d %d %d %d %d %s%s\n", prefix, (char *)control.name, present.value, control.minimum,
           control.maximum, control.step, control.default_value, read_only, inactive);
  }
}

void set_control(int fd, const char *word) {
  char name[32] = "?", range[64], rest;
  long long value = 0;
  struct v4l2_queryctrl control = {0};
  struct v4l2_control wanted;
  bool is_valid = sscanf(word, "%31[^=]=%lld%c", name, &value, &rest) == 2, is_found = false;
  while (is_valid && !is_found && next_control(fd, &control, &wanted)) is_found = !strcmp((char *)control.name, name);
  snprintf(range, sizeof range, "%lld is not in %d to %d", value, control.minimum, control.maximum);
  const char *wrong = NULL;
  if (!is_valid) wrong = "it needs a whole number as its value";
  else if (!is_found) wrong = "there is no such control";
  else if (control.flags & V4L2_CTRL_FLAG_READ_ONLY) wrong = "it is read-only";
  else if (control.flags & V4L2_CTRL_FLAG_INACTIVE) wrong = "it is inactive, because another control is automatic";
  else if (value < control.minimum || value > control.maximum) wrong = range;
  wanted.value = (int32_t)value;
  if (!wrong && ioctl(fd, VIDIOC_S_CTRL, &wanted) < 0) wrong = strerror(errno);
  if (wrong) printf("unset %s %s\n", name, wrong);
}
