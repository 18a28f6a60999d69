#define _GNU_SOURCE
#include "camera.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
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
  int error = errno;
  bool is_missing = error == ENOENT || error == ENODEV || error == ENXIO || error == ENOTDIR || error == EISDIR;
  const char *code = is_missing                          ? "missing"
                     : error == EACCES || error == EPERM ? "denied"
                     : error == EBUSY                    ? "busy"
                                                         : "failed";
  return fail(c, code, "%s: %s: %s", c->path, call, strerror(error));
}

int call_device(int fd, unsigned long request, void *argument) {
  int result;
  do result = ioctl(fd, request, argument);
  while (result < 0 && errno == EINTR);
  return result;
}

/* Makes a text from outside printable ASCII. In a word, a space becomes an underscore too. */
static void copy(char *to, size_t size, const void *from, char least) {
  snprintf(to, size, "%.*s", (int)size - 1, (const char *)from);
  for (; *to; to++)
    if (*to < least || *to > '~') *to = '_';
}

static void close_device(struct camera *c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
}

bool open_device(struct camera *c, const char *path) {
  struct v4l2_capability about = {0};
  snprintf(c->path, sizeof c->path, "%s", path);
  c->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (c->fd < 0) return fail_call(c, "open");
  int result = call_device(c->fd, VIDIOC_QUERYCAP, &about);
  uint32_t can = about.capabilities & V4L2_CAP_DEVICE_CAPS ? about.device_caps : about.capabilities;
  copy(c->driver, sizeof c->driver, about.driver, '!');
  copy(c->bus, sizeof c->bus, about.bus_info, '!');
  copy(c->card, sizeof c->card, about.card, ' ');
  if (result == 0 && can & V4L2_CAP_VIDEO_CAPTURE && can & V4L2_CAP_STREAMING) return true;
  close_device(c);
  if (result < 0 || !(can & V4L2_CAP_VIDEO_CAPTURE)) return fail(c, "missing", "%s: not a capture device", path);
  return fail(c, "unsupported", "%s: it cannot stream", path);
}

static bool is_first(const struct camera *c) {
  return strcmp(c->bus, c->first_bus) == 0 && strcmp(c->card, c->first_card) == 0;
}

bool find_camera(struct camera *c, const char *path) {
  bool is_link = strncmp(path, "/dev/v4l/", 9) == 0, is_known = *c->first_bus || *c->first_card;
  if (open_device(c, path)) {
    if (!is_known) {
      memcpy(c->first_bus, c->bus, sizeof c->bus);
      memcpy(c->first_card, c->card, sizeof c->card);
    }
    if (is_link || is_first(c)) return true;
    close_device(c);
    fail(c, "missing", "%s is another camera now: %s", path, c->card);
  }
  if (is_link || !is_known || strcmp(c->code, "missing") != 0) return false;
  char text[sizeof c->text];
  memcpy(text, c->text, sizeof text);
  for (int number = 0; number < DEVICES; number++) {
    char other[32];
    snprintf(other, sizeof other, "/dev/video%d", number);
    if (open_device(c, other) && is_first(c)) return true;
    close_device(c);
  }
  return fail(c, "missing", "%s", text);
}

bool offers_format(int fd, uint32_t format) {
  struct v4l2_fmtdesc offer = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
  for (; call_device(fd, VIDIOC_ENUM_FMT, &offer) == 0; offer.index++)
    if (offer.pixelformat == format) return true;
  return false;
}

static bool set_format(struct camera *c, const struct options *options) {
  static const uint32_t formats[] = {V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_YUYV};
  for (int i = 0; i < 2; i++) {
    struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    if (!offers_format(c->fd, formats[i])) continue;
    format.fmt.pix = (struct v4l2_pix_format){
        .width = (uint32_t)options->width, .height = (uint32_t)options->height, .pixelformat = formats[i]};
    /* The driver chooses its nearest size. */
    if (call_device(c->fd, VIDIOC_S_FMT, &format) < 0) return fail_call(c, "VIDIOC_S_FMT");
    c->format = format.fmt.pix;
    if (c->format.pixelformat == formats[i]) return true;
  }
  return fail(c, "unsupported", "%s: it offers neither MJPG nor YUYV", c->path);
}

bool negotiate(struct camera *c, const struct options *options) {
  if (!set_format(c, options)) return false;
  struct v4l2_streamparm rate = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
  struct v4l2_fract *interval = &rate.parm.capture.timeperframe;
  *interval = (struct v4l2_fract){1, (uint32_t)options->fps};
  /* A driver without a rate keeps the asked one here. */
  if (call_device(c->fd, VIDIOC_S_PARM, &rate) < 0 || !interval->numerator || !interval->denominator)
    *interval = (struct v4l2_fract){1, (uint32_t)options->fps};
  c->interval_ns = interval->numerator * 1000000000ull / interval->denominator;
  return true;
}

/* Writes a name as v4l2-ctl does: "White Balance, Auto" becomes white_balance_auto. */
static void normalise(char *name) {
  char *to = name;
  bool is_gap = false;
  for (const char *from = name; *from; from++) {
    if (!isalnum((unsigned char)*from)) {
      is_gap = to > name;
      continue;
    }
    if (is_gap) *to++ = '_';
    is_gap = false;
    *to++ = (char)tolower((unsigned char)*from);
  }
  *to = 0;
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
  static const char *const flags[] = {"-", "r", "i", "ri"};
  bool is_read_only = control->flags & V4L2_CTRL_FLAG_READ_ONLY, is_inactive = control->flags & V4L2_CTRL_FLAG_INACTIVE;
  return flags[is_read_only + 2 * is_inactive];
}

const char *set_control(int fd, struct setting *setting) {
  static char text[64];
  struct v4l2_queryctrl control = {0};
  int32_t value;
  while (next_control(fd, &control, &value)) {
    if (strcmp((char *)control.name, setting->name) != 0) continue;
    if (control.flags & V4L2_CTRL_FLAG_READ_ONLY) return "it is read-only";
    if (control.flags & V4L2_CTRL_FLAG_INACTIVE) return "it is inactive: another control turns it off";
    struct v4l2_control wanted = {control.id, setting->value};
    if (wanted.value < control.minimum || wanted.value > control.maximum)
      snprintf(text, sizeof text, "%d is not in %d to %d", wanted.value, control.minimum, control.maximum);
    else if (call_device(fd, VIDIOC_S_CTRL, &wanted) < 0) snprintf(text, sizeof text, "%s", strerror(errno));
    else {
      setting->value = wanted.value;
      return NULL;
    }
    return text;
  }
  return "there is no such control";
}
