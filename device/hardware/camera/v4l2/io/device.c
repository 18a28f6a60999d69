#define _GNU_SOURCE
#include "camera.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

bool fail(struct camera *c, const char *code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  c->code = code;
  vsnprintf(c->text, sizeof c->text, format, arguments);
  va_end(arguments);
  return false;
}

bool fail_call(struct camera *c, const char *call) {
  int e = errno;
  const char *code = e == ENOENT || e == ENODEV || e == ENXIO || e == ENOTDIR || e == EISDIR ? "missing"
                     : e == EACCES || e == EPERM                                             ? "denied"
                     : e == EBUSY                                                            ? "busy"
                                                                                             : "failed";
  return fail(c, code, "%s: %s: %s", c->path, call, strerror(e));
}

int call_device(int fd, unsigned long request, void *argument) {
  int result;
  do result = ioctl(fd, request, argument);
  while (result < 0 && errno == EINTR);
  return result;
}

/* Copies a name from outside as printable ASCII. `least` is ' ', or '!' for one word. */
static void copy(char *to, size_t size, const void *from, char least) {
  snprintf(to, size, "%.*s", (int)size - 1, (const char *)from);
  for (; *to; to++)
    if (*to < least || *to > '~') *to = '_';
}

bool open_device(struct camera *c, const char *path) {
  struct v4l2_capability about = {0};
  snprintf(c->path, sizeof c->path, "%s", path);
  c->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (c->fd < 0) return fail_call(c, "open");
  call_device(c->fd, VIDIOC_QUERYCAP, &about);
  uint32_t can = about.capabilities & V4L2_CAP_DEVICE_CAPS ? about.device_caps : about.capabilities;
  c->names = (struct names){0};
  copy(c->names.driver, sizeof c->names.driver, about.driver, '!');
  copy(c->names.bus, sizeof c->names.bus, about.bus_info, '!');
  copy(c->names.card, sizeof c->names.card, about.card, ' ');
  if (can & V4L2_CAP_VIDEO_CAPTURE && can & V4L2_CAP_STREAMING) return true;
  close_camera(c);
  if (can & V4L2_CAP_VIDEO_CAPTURE) return fail(c, "unsupported", "%s: it cannot stream", path);
  return fail(c, "missing", "%s: not a capture device", path);
}

bool find_camera(struct camera *c, const char *path) {
  bool is_link = strncmp(path, "/dev/v4l/", 9) == 0, is_known = *c->first.driver;
  if (open_device(c, path)) {
    if (!is_known) c->first = c->names;
    if (is_link || memcmp(&c->names, &c->first, sizeof c->names) == 0) return true;
    close_camera(c);
    fail(c, "missing", "%s is another camera now: %s", path, c->names.card);
  }
  if (is_link || !is_known || strcmp(c->code, "missing") != 0) return false;
  char text[TEXT_SIZE], other[32];
  memcpy(text, c->text, sizeof text);
  for (int number = 0; number < DEVICES; number++) {
    snprintf(other, sizeof other, "/dev/video%d", number);
    if (open_device(c, other) && memcmp(&c->names, &c->first, sizeof c->names) == 0) return true;
    close_camera(c);
  }
  return fail(c, "missing", "%s", text);
}

static bool set_format(struct camera *c, const struct options *options, uint32_t wanted) {
  struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
  format.fmt.pix.width = (uint32_t)options->width;
  format.fmt.pix.height = (uint32_t)options->height;
  format.fmt.pix.pixelformat = wanted;
  if (options->format && options->format != wanted) return false;
  fail(c, "unsupported", options->format ? "%s: it does not offer this format" : "%s: it offers neither MJPG nor YUYV",
       c->path);
  /* The driver chooses its nearest size. Without this format, it chooses another or returns EINVAL. */
  if (call_device(c->fd, VIDIOC_S_FMT, &format) < 0) return errno != EINVAL && fail_call(c, "VIDIOC_S_FMT");
  c->format = format.fmt.pix;
  return c->format.pixelformat == wanted;
}

bool negotiate(struct camera *c, const struct options *options) {
  if (!set_format(c, options, V4L2_PIX_FMT_MJPEG) && !set_format(c, options, V4L2_PIX_FMT_YUYV)) return false;
  struct v4l2_streamparm rate = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
  struct v4l2_fract *interval = &rate.parm.capture.timeperframe, asked = {1, (uint32_t)options->fps};
  *interval = asked;
  if (call_device(c->fd, VIDIOC_S_PARM, &rate) < 0 || !interval->numerator || !interval->denominator) *interval = asked;
  c->interval_ns = interval->numerator * 1000000000ull / interval->denominator;
  return true;
}

void close_camera(struct camera *c) {
  for (unsigned i = 0; i < c->buffer_count; i++) munmap(c->buffers[i].start, c->buffers[i].size);
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  c->buffer_count = c->held_count = 0;
  c->ready_at_ns = 0;
}

/* Writes a name as v4l2-ctl does: "White Balance, Automatic" becomes white_balance_automatic. */
static void normalise(char *name) {
  char *to = name;
  for (const char *from = name; *from; from++)
    if (isalnum((unsigned char)*from)) *to++ = (char)tolower((unsigned char)*from);
    else if (to > name && to[-1] != '_') *to++ = '_';
  to[to > name && to[-1] == '_' ? -1 : 0] = 0;
}

bool next_control(int fd, struct v4l2_queryctrl *control, int32_t *value) {
  for (;;) {
    control->id |= V4L2_CTRL_FLAG_NEXT_CTRL;
    if (call_device(fd, VIDIOC_QUERYCTRL, control) < 0) return false;
    struct v4l2_control present = {.id = control->id};
    bool is_integer = control->type == V4L2_CTRL_TYPE_INTEGER || control->type == V4L2_CTRL_TYPE_BOOLEAN ||
                      control->type == V4L2_CTRL_TYPE_MENU || control->type == V4L2_CTRL_TYPE_INTEGER_MENU;
    if (!is_integer || control->flags & V4L2_CTRL_FLAG_DISABLED) continue;
    if (call_device(fd, VIDIOC_G_CTRL, &present) < 0) continue;
    control->name[sizeof control->name - 1] = 0;
    normalise((char *)control->name);
    *value = present.value;
    return true;
  }
}

const char *flags_of(const struct v4l2_queryctrl *control) {
  bool is_inactive = control->flags & V4L2_CTRL_FLAG_INACTIVE;
  if (control->flags & V4L2_CTRL_FLAG_READ_ONLY) return is_inactive ? "ri" : "r";
  return is_inactive ? "i" : "-";
}

const char *set_control(int fd, struct setting *setting) {
  static char text[64];
  struct v4l2_queryctrl control = {0};
  int32_t value;
  do
    if (!next_control(fd, &control, &value)) return "there is no such control";
  while (strcmp((char *)control.name, setting->name) != 0);
  if (control.flags & V4L2_CTRL_FLAG_READ_ONLY) return "it is read-only";
  if (control.flags & V4L2_CTRL_FLAG_INACTIVE) return "it is inactive, because another control is automatic";
  snprintf(text, sizeof text, "%d is not in %d to %d", setting->value, control.minimum, control.maximum);
  if (setting->value < control.minimum || setting->value > control.maximum) return text;
  struct v4l2_control wanted = {control.id, setting->value};
  if (call_device(fd, VIDIOC_S_CTRL, &wanted) < 0) return strerror(errno);
  setting->value = wanted.value;
  return NULL;
}
