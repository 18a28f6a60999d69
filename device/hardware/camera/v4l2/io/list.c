#include "camera.h"

#include <stdio.h>
#include <string.h>

static double rate_of(struct v4l2_fract interval) {
  return interval.numerator ? (double)interval.denominator / interval.numerator : 0;
}

static void list_size(int fd, uint32_t format, uint32_t width, uint32_t height) {
  char line[REPLY_SIZE];
  struct v4l2_frmivalenum rate = {.pixel_format = format, .width = width, .height = height};
  int size = snprintf(line, sizeof line, "size %.4s %ux%u", (const char *)&format, width, height);
  for (; size < REPLY_SIZE - 32 && call_device(fd, VIDIOC_ENUM_FRAMEINTERVALS, &rate) == 0; rate.index++) {
    if (rate.type != V4L2_FRMIVAL_TYPE_DISCRETE) {
      size += snprintf(line + size, 32, " %.5g %.5g", rate_of(rate.stepwise.min), rate_of(rate.stepwise.max));
      break;
    }
    size += snprintf(line + size, 16, " %.5g", rate_of(rate.discrete));
  }
  send_line("%s", line);
}

static void list_range(int fd, uint32_t format, const struct v4l2_frmsize_stepwise *range) {
  static const uint32_t common[][2] = {{320, 240}, {640, 480}, {1280, 720}, {1920, 1080}};
  list_size(fd, format, range->min_width, range->min_height);
  for (int i = 0; i < 4; i++) {
    uint32_t width = common[i][0], height = common[i][1];
    if (width > range->min_width && width < range->max_width && height > range->min_height &&
        height < range->max_height && (width - range->min_width) % (range->step_width + !range->step_width) == 0 &&
        (height - range->min_height) % (range->step_height + !range->step_height) == 0)
      list_size(fd, format, width, height);
  }
  list_size(fd, format, range->max_width, range->max_height);
}

static void list_sizes(int fd, uint32_t format) {
  struct v4l2_frmsizeenum size = {.pixel_format = format};
  for (; call_device(fd, VIDIOC_ENUM_FRAMESIZES, &size) == 0; size.index++) {
    if (size.type != V4L2_FRMSIZE_TYPE_DISCRETE) return list_range(fd, format, &size.stepwise);
    list_size(fd, format, size.discrete.width, size.discrete.height);
  }
}

void list_all(void) {
  for (int number = 0; number < DEVICES; number++) {
    struct camera camera = {.fd = -1};
    struct v4l2_queryctrl control = {0};
    char path[32];
    int32_t value;
    snprintf(path, sizeof path, "/dev/video%d", number);
    if (!open_device(&camera, path)) {
      if (strcmp(camera.code, "missing") != 0 && strcmp(camera.code, "unsupported") != 0)
        send_line("error %s %s %s", path, camera.code, camera.text);
      continue;
    }
    send_line("camera %s driver=%s bus=%s card=%s", path, camera.driver, camera.bus, camera.card);
    static const uint32_t formats[] = {V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_YUYV};
    for (int i = 0; i < 2; i++)
      if (offers_format(camera.fd, formats[i])) list_sizes(camera.fd, formats[i]);
    while (next_control(camera.fd, &control, &value))
      send_line("control %s %d %d %d %d %d %s", (char *)control.name, value, control.minimum, control.maximum,
                control.step, control.default_value, flags_of(&control));
    stop_stream(&camera);
  }
}
