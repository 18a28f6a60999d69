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
  for (; size < REPLY_SIZE - 64 && call_device(fd, VIDIOC_ENUM_FRAMEINTERVALS, &rate) == 0; rate.index++) {
    bool is_range = rate.type != V4L2_FRMIVAL_TYPE_DISCRETE;
    size += snprintf(line + size, 32, " %.5g", rate_of(is_range ? rate.stepwise.min : rate.discrete));
    if (!is_range) continue;
    snprintf(line + size, 32, " %.5g", rate_of(rate.stepwise.max));
    break;
  }
  send_line("%s", line);
}

static bool fits(uint32_t value, uint32_t least, uint32_t most, uint32_t step) {
  return value > least && value < most && (step == 0 || (value - least) % step == 0);
}

static void list_sizes(int fd, uint32_t format) {
  static const uint32_t common[][2] = {{320, 240}, {640, 480}, {1280, 720}, {1920, 1080}};
  struct v4l2_frmsizeenum size = {.pixel_format = format};
  for (; call_device(fd, VIDIOC_ENUM_FRAMESIZES, &size) == 0; size.index++) {
    if (size.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
      list_size(fd, format, size.discrete.width, size.discrete.height);
      continue;
    }
    const struct v4l2_frmsize_stepwise *range = &size.stepwise;
    list_size(fd, format, range->min_width, range->min_height);
    for (int i = 0; i < 4; i++)
      if (fits(common[i][0], range->min_width, range->max_width, range->step_width) &&
          fits(common[i][1], range->min_height, range->max_height, range->step_height))
        list_size(fd, format, common[i][0], common[i][1]);
    return list_size(fd, format, range->max_width, range->max_height);
  }
}

void list_all(void) {
  for (int number = 0; number < DEVICES; number++) {
    struct camera camera = {.fd = -1};
    struct v4l2_queryctrl control = {0};
    char path[32];
    int32_t value;
    snprintf(path, sizeof path, "/dev/video%d", number);
    if (open_device(&camera, path)) {
      send_line("camera %s driver=%s bus=%s card=%s", path, camera.names.driver, camera.names.bus, camera.names.card);
      list_sizes(camera.fd, V4L2_PIX_FMT_MJPEG);
      list_sizes(camera.fd, V4L2_PIX_FMT_YUYV);
      while (next_control(camera.fd, &control, &value))
        send_line("control %s %d %d %d %d %d %s", (char *)control.name, value, control.minimum, control.maximum,
                  control.step, control.default_value, flags_of(&control));
      close_camera(&camera);
    } else if (strcmp(camera.code, "missing") != 0 && strcmp(camera.code, "unsupported") != 0)
      send_line("error %s %s %s", path, camera.code, camera.text);
  }
}
