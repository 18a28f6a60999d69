#define _GNU_SOURCE
#include "camera.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SMALLEST_FRAME = 128, SHORT_FRAMES = 3 };
static const uint64_t SECOND_NS = 1000000000;

/* With times of 32 bits, the kernel of armhf would use another layout and another request. */
_Static_assert(sizeof((struct v4l2_buffer){0}.timestamp) == 16, "the times of V4L2 have 64 bits");

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

static const char *code_of(int e) {
  if (e == EACCES || e == EPERM) return "denied";
  if (e == EBUSY) return "busy";
  bool is_missing = e == ENOENT || e == ENODEV || e == ENXIO || e == ENOTDIR || e == EISDIR;
  return is_missing ? "missing" : "failed";
}

static _Noreturn void fail(const struct camera *c, const char *code, const char *reason) {
  printf("fault %s %s: %s\n", code, c->path, reason);
  exit(EXIT_FAILURE);
}

static _Noreturn void fail_call(const struct camera *c, const char *call) {
  printf("fault %s %s: %s: %s\n", code_of(errno), c->path, call, strerror(errno));
  exit(EXIT_FAILURE);
}

/* Copies a name from outside as printable ASCII. `least` is ' ', or '!' for one word. */
static void copy(char *to, size_t size, const void *from, char least) {
  snprintf(to, size, "%.*s", (int)size - 1, (const char *)from);
  for (; *to; to++)
    if (*to < least || *to > '~') *to = '_';
}

const char *open_device(struct camera *c, const char *path, const char **reason) {
  struct v4l2_capability about = {0};
  *c = (struct camera){.path = path, .fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  *reason = strerror(errno);
  if (c->fd < 0) return code_of(errno);
  ioctl(c->fd, VIDIOC_QUERYCAP, &about);
  copy(c->driver, sizeof c->driver, about.driver, '!');
  copy(c->bus, sizeof c->bus, about.bus_info, '!');
  copy(c->card, sizeof c->card, about.card, ' ');
  uint32_t can = about.capabilities & V4L2_CAP_DEVICE_CAPS ? about.device_caps : about.capabilities;
  bool can_capture = can & V4L2_CAP_VIDEO_CAPTURE;
  if (can_capture && can & V4L2_CAP_STREAMING) return NULL;
  close(c->fd);
  *reason = can_capture ? "it cannot stream" : "not a capture device";
  return can_capture ? "unsupported" : "missing";
}

static bool set_format(struct camera *c, const struct options *options, uint32_t wanted) {
  struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .fmt.pix.pixelformat = wanted};
  format.fmt.pix.width = (uint32_t)options->width;
  format.fmt.pix.height = (uint32_t)options->height;
  if (options->format && options->format != wanted) return false;
  /* The driver chooses its nearest size. Without this format, it chooses another or returns EINVAL. */
  bool is_set = ioctl(c->fd, VIDIOC_S_FMT, &format) == 0;
  if (!is_set && errno != EINVAL) fail_call(c, "VIDIOC_S_FMT");
  c->format = format.fmt.pix;
  return is_set && c->format.pixelformat == wanted;
}

static void set_rate(struct camera *c, uint32_t fps) {
  struct v4l2_streamparm rate = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .parm.capture.timeperframe = {1, fps}};
  struct v4l2_fract *interval = &rate.parm.capture.timeperframe;
  bool is_set = ioctl(c->fd, VIDIOC_S_PARM, &rate) == 0;
  if (!is_set || !interval->numerator || !interval->denominator) *interval = (struct v4l2_fract){1, fps};
  c->interval_ns = interval->numerator * SECOND_NS / interval->denominator;
}

static struct v4l2_buffer buffer_of(unsigned index) {
  return (struct v4l2_buffer){index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
}

static void queue(const struct camera *c, unsigned index) {
  struct v4l2_buffer buffer = buffer_of(index);
  if (ioctl(c->fd, VIDIOC_QBUF, &buffer) < 0) fail_call(c, "VIDIOC_QBUF");
}

static void map_buffers(struct camera *c, uint32_t count) {
  struct v4l2_requestbuffers all = {count, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
  if (ioctl(c->fd, VIDIOC_REQBUFS, &all) < 0) fail_call(c, "VIDIOC_REQBUFS");
  if (all.count <= HELD || all.count > BUFFERS) fail(c, "failed", "VIDIOC_REQBUFS: not 3 to 32 buffers");
  for (unsigned i = 0; i < all.count; i++) {
    struct v4l2_buffer buffer = buffer_of(i);
    if (ioctl(c->fd, VIDIOC_QUERYBUF, &buffer) < 0) fail_call(c, "VIDIOC_QUERYBUF");
    c->buffers[i] = mmap(NULL, buffer.length, PROT_READ, MAP_SHARED, c->fd, (off_t)buffer.m.offset);
    if (c->buffers[i] == MAP_FAILED) fail_call(c, "mmap");
    queue(c, i);
  }
}

void start_stream(struct camera *c, const struct options *options, char **controls) {
  int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  const char *reason, *code = open_device(c, options->path, &reason);
  if (code) fail(c, code, reason);
  if (!set_format(c, options, V4L2_PIX_FMT_MJPEG) && !set_format(c, options, V4L2_PIX_FMT_YUYV))
    fail(c, "unsupported", options->format ? "it does not offer this format" : "it offers neither MJPG nor YUYV");
  set_rate(c, (uint32_t)options->fps);
  map_buffers(c, (uint32_t)options->buffers);
  for (; *controls; controls++) set_control(c->fd, *controls);
  /* Devices with a video input offer this event, such as HDMI adapters. Its id is the number of the input. */
  struct v4l2_event_subscription change = {.type = V4L2_EVENT_SOURCE_CHANGE};
  ioctl(c->fd, VIDIOC_G_INPUT, &change.id);
  ioctl(c->fd, VIDIOC_SUBSCRIBE_EVENT, &change);
  if (ioctl(c->fd, VIDIOC_STREAMON, &type) < 0) fail_call(c, "VIDIOC_STREAMON");
  c->skip = options->skip;
}

static bool is_good(struct camera *c, const struct v4l2_buffer *buffer) {
  const uint8_t *bytes = c->buffers[buffer->index];
  if (buffer->flags & V4L2_BUF_FLAG_ERROR || buffer->bytesused < SMALLEST_FRAME) return false;
  if (c->format.pixelformat == V4L2_PIX_FMT_MJPEG) return bytes[0] == 0xff && bytes[1] == 0xd8;
  bool is_short = buffer->bytesused < (uint64_t)c->format.bytesperline * c->format.height;
  c->short_frames = is_short ? c->short_frames + 1 : 0;
  if (c->short_frames == SHORT_FRAMES && c->held[1].bytes) fail(c, "failed", "the size of the frames changed");
  return !is_short;
}

/* Returns the time at which the first data of the frame arrived, and sets `clock` to its source. */
static uint64_t time_of(struct camera *c, const struct v4l2_buffer *buffer) {
  uint64_t now = now_ns(), us = (uint64_t)buffer->timestamp.tv_usec;
  uint64_t at_ns = (uint64_t)buffer->timestamp.tv_sec * SECOND_NS + us * 1000;
  uint32_t clock = buffer->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK;
  bool is_start = (buffer->flags & V4L2_BUF_FLAG_TSTAMP_SRC_MASK) == V4L2_BUF_FLAG_TSTAMP_SRC_SOE;
  if (!is_start) at_ns -= c->interval_ns;
  /* The flag is no proof. uvcvideo keeps it with clock=CLOCK_REALTIME, and some drivers send the time 0. */
  bool is_usable = clock == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC && at_ns <= now && now - at_ns <= 10 * SECOND_NS;
  c->clock = !is_usable ? "arrival" : is_start ? "soe" : "eof";
  return is_usable ? at_ns : now - c->interval_ns;
}

bool take_frame(struct camera *c, short events) {
  struct v4l2_event event; /* An unplugged camera has POLLPRI too, but no event. */
  if (events & POLLPRI && ioctl(c->fd, VIDIOC_DQEVENT, &event) == 0) fail(c, "failed", "the source format changed");
  struct v4l2_buffer buffer = buffer_of(0);
  bool is_taken = ioctl(c->fd, VIDIOC_DQBUF, &buffer) == 0;
  if (!is_taken && (errno != EAGAIN || events & (POLLERR | POLLHUP))) fail_call(c, "VIDIOC_DQBUF");
  if (!is_taken) return false;
  bool is_frame = is_good(c, &buffer);
  if (!is_frame || c->skip > 0) {
    c->skip -= is_frame;
    queue(c, buffer.index);
    return false;
  }
  if (c->held[0].bytes) queue(c, c->held[0].index);
  c->held[0] = c->held[1];
  c->held[1] = (struct frame){buffer.index, buffer.bytesused, buffer.sequence, time_of(c, &buffer)};
  return true;
}
