#define _GNU_SOURCE
#include "camera.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

enum { SMALLEST_FRAME = 128 };

/* With times of 32 bits, the kernel of armhf would use another layout and another request. */
_Static_assert(sizeof((struct v4l2_buffer){0}.timestamp) == 16, "the times of V4L2 have 64 bits");

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

static struct v4l2_buffer buffer_of(unsigned index) {
  return (struct v4l2_buffer){.index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
}

static bool queue(struct camera *c, unsigned index) {
  struct v4l2_buffer buffer = buffer_of(index);
  return call_device(c->fd, VIDIOC_QBUF, &buffer) == 0 || fail_call(c, "VIDIOC_QBUF");
}

static bool map_buffers(struct camera *c, uint32_t count) {
  struct v4l2_requestbuffers request = {
      .count = count, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
  if (call_device(c->fd, VIDIOC_REQBUFS, &request) < 0) return fail_call(c, "VIDIOC_REQBUFS");
  if (request.count <= HELD || request.count > BUFFERS)
    return fail(c, "failed", "%s: VIDIOC_REQBUFS: %u buffers instead of %u", c->path, request.count, count);
  for (unsigned i = 0; i < request.count; i++) {
    struct v4l2_buffer buffer = buffer_of(i);
    if (call_device(c->fd, VIDIOC_QUERYBUF, &buffer) < 0) return fail_call(c, "VIDIOC_QUERYBUF");
    void *start = mmap(NULL, buffer.length, PROT_READ, MAP_SHARED, c->fd, (off_t)buffer.m.offset);
    if (start == MAP_FAILED) return fail_call(c, "mmap");
    c->buffers[i].start = start;
    c->buffers[i].size = buffer.length;
    c->buffer_count++;
    if (!queue(c, i)) return false;
  }
  return true;
}

bool start_stream(struct camera *c, const struct options *options) {
  struct v4l2_event_subscription change = {.type = V4L2_EVENT_SOURCE_CHANGE};
  int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  if (!find_camera(c, options->path) || !negotiate(c, options)) return false;
  if (!map_buffers(c, (uint32_t)options->buffers)) return false;
  for (unsigned i = 0; i < options->setting_count; i++) {
    struct setting setting = options->settings[i];
    const char *wrong = set_control(c->fd, &setting);
    if (wrong) send_line("unset %s %s", setting.name, wrong);
  }
  /* Most cameras do not have this event. */
  call_device(c->fd, VIDIOC_SUBSCRIBE_EVENT, &change);
  if (call_device(c->fd, VIDIOC_STREAMON, &type) < 0) return fail_call(c, "VIDIOC_STREAMON");
  c->skip = options->skip;
  c->deadline_ns = now_ns() + options->start_ms * 1000000;
  return true;
}

static bool is_good(const struct camera *c, const struct v4l2_buffer *buffer) {
  const uint8_t *bytes = c->buffers[buffer->index].start;
  if (buffer->flags & V4L2_BUF_FLAG_ERROR || buffer->bytesused < SMALLEST_FRAME) return false;
  if (c->format.pixelformat == V4L2_PIX_FMT_MJPEG) return bytes[0] == 0xff && bytes[1] == 0xd8;
  return buffer->bytesused >= (uint64_t)c->format.bytesperline * c->format.height;
}

/* Returns the time at which the first data of the frame arrived, and sets `clock` to its source. */
static uint64_t time_of(struct camera *c, const struct v4l2_buffer *buffer, uint64_t now) {
  uint64_t at_ns = (uint64_t)buffer->timestamp.tv_sec * 1000000000ull + (uint64_t)buffer->timestamp.tv_usec * 1000;
  bool is_monotonic = (buffer->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
  bool is_start = (buffer->flags & V4L2_BUF_FLAG_TSTAMP_SRC_MASK) == V4L2_BUF_FLAG_TSTAMP_SRC_SOE;
  if (!is_start) at_ns -= c->interval_ns;
  /* With its parameter clock=CLOCK_REALTIME, uvcvideo keeps the flag MONOTONIC. */
  bool is_usable = is_monotonic && at_ns <= now;
  c->clock = !is_usable ? "arrival" : is_start ? "soe" : "eof";
  return is_usable ? at_ns : now - c->interval_ns;
}

bool take_frame(struct camera *c, const struct options *options, short events) {
  struct v4l2_buffer buffer = buffer_of(0);
  bool is_broken = events & (POLLERR | POLLHUP);
  if (events & POLLPRI && !is_broken) return fail(c, "failed", "%s: its source changed", c->path);
  if (call_device(c->fd, VIDIOC_DQBUF, &buffer) < 0)
    return (errno == EAGAIN && !is_broken) || fail_call(c, "VIDIOC_DQBUF");
  bool is_frame = is_good(c, &buffer);
  if (!is_frame || c->skip > 0) {
    c->skip -= is_frame;
    return queue(c, buffer.index);
  }
  if (c->held_count == HELD && !queue(c, c->held[0].index)) return false;
  uint64_t now = now_ns();
  struct frame frame = {buffer.index, buffer.bytesused, buffer.sequence, time_of(c, &buffer, now)};
  if (c->held_count == HELD) memmove(c->held, c->held + 1, sizeof c->held - sizeof frame);
  else c->held_count++;
  c->held[c->held_count - 1] = frame;
  c->deadline_ns = now + options->freeze_ms * 1000000;
  if (c->ready_at_ns == 0) c->ready_at_ns = now;
  return true;
}
