/*
 * A V4L2 device for sortbin-camera, linked with --wrap=open,ioctl,mmap,poll. /dev/videoN is the UNIX socket videoN in the folder
 * $FAKE_DEVICES. The server of the socket (fake-device.ts) sends a struct device, then a struct record for each buffer
 * that DQBUF returns. It closes the connection to unplug the camera. A mistake of the program with its buffers aborts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/videodev2.h>

enum { BUFFERS = 32, MAPPED = 4096, WIDTH = 32, HEIGHT = 8 };

static struct device {
  char card[32], bus[32];
  uint32_t capabilities, format, request; /* format: the only one; request: number of the ioctl that fails */
  int32_t error;                          /* of this request, or of open if request is 0 */
  uint32_t more_controls, input; /* input: number of the video input */
} device;

struct record {
  uint32_t flags, bytes, sequence;
  int32_t error;
  uint64_t at_us;
  uint8_t start[8];
};

enum { SOURCE_CHANGE = -1 }; /* as the error of a record: not a buffer, but this event */

static uint8_t *memory[BUFFERS];
static unsigned queue[BUFFERS], queued, count;
static int stream = -1; /* with the event of its input */

static struct v4l2_queryctrl controls[] = {
    {.id = 1, .type = V4L2_CTRL_TYPE_CTRL_CLASS, .name = "User Controls"},
    {.id = 2, .type = V4L2_CTRL_TYPE_INTEGER, .name = "Brightness", .maximum = 255, .step = 5, .default_value = 128},
    {.id = 3, .type = V4L2_CTRL_TYPE_MENU, .name = "Auto Exposure", .maximum = 3, .step = 1, .default_value = 3},
    {.id = 4, .type = V4L2_CTRL_TYPE_INTEGER, .name = "Exposure Time, Absolute", .minimum = 3, .maximum = 2047, .step = 1},
    {.id = 5, .type = V4L2_CTRL_TYPE_INTEGER, .name = " (Zoom) ", .maximum = 9, .flags = V4L2_CTRL_FLAG_READ_ONLY},
};
enum { CONTROLS = sizeof controls / sizeof *controls };
enum { MORE_CONTROLS = 100 };
static int32_t values[CONTROLS + MORE_CONTROLS + 1];

int __real_poll(struct pollfd *polled, nfds_t size, int timeout);
int __real_open(const char *path, int flags, ...);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);

static int refuse(int error) {
  errno = error;
  return -1;
}

static void hold(bool is_true) {
  if (!is_true) abort();
}

int __wrap_open(const char *path, int flags, ...) {
  if (strncmp(path, "/dev/video", 10) != 0) return __real_open(path, flags);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", getenv("FAKE_DEVICES"), path + 5);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool is_there = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                  recv(fd, &device, sizeof device, MSG_WAITALL) == sizeof device;
  if (is_there && (device.request || !device.error)) return fd;
  close(fd);
  return refuse(is_there ? device.error : ENOENT);
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
  hold(protection == PROT_READ && flags == MAP_SHARED && fd >= 0 && size == MAPPED);
  return memory[offset] = __real_mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int __wrap_poll(struct pollfd *polled, nfds_t size, int timeout) {
  int ready = __real_poll(polled, size, timeout);
  struct record record = {0};
  for (nfds_t i = 0; i < size; i++) {
    if (polled[i].fd != stream || !(polled[i].revents & POLLIN)) continue;
    ssize_t peeked = recv(stream, &record, sizeof record, MSG_DONTWAIT | MSG_PEEK);
    if (peeked == 0) polled[i].revents = POLLERR | POLLHUP | POLLPRI; /* as the kernel, after an unplug */
    else if (record.error == SOURCE_CHANGE) polled[i].revents = POLLPRI;
  }
  return ready;
}

static int dequeue(int fd, struct v4l2_buffer *buffer) {
  struct record record;
  ssize_t size = recv(fd, &record, sizeof record, MSG_DONTWAIT);
  if (size < 0) return refuse(EAGAIN);
  if (size == 0) return refuse(ENODEV);
  hold(size == sizeof record && queued > 0);
  if (record.error) return refuse(record.error);
  *buffer = (struct v4l2_buffer){.index = queue[0], .bytesused = record.bytes, .sequence = record.sequence,
                                 .flags = record.flags,
                                 .timestamp = {(time_t)(record.at_us / 1000000), (suseconds_t)(record.at_us % 1000000)}};
  memmove(queue, queue + 1, --queued * sizeof *queue);
  memcpy(memory[buffer->index], record.start, sizeof record.start);
  return 0;
}

static int enqueue(unsigned index) {
  hold(index < count && memory[index]);
  for (unsigned i = 0; i < queued; i++) hold(queue[i] != index);
  queue[queued++] = index;
  memset(memory[index], 0xee, MAPPED); /* The program must not send a buffer that is queued. */
  return 0;
}

static int format(struct v4l2_pix_format *pix) {
  pix->pixelformat = device.format;
  pix->width = WIDTH;
  pix->height = HEIGHT;
  pix->bytesperline = device.format == V4L2_PIX_FMT_YUYV ? 2 * WIDTH + 8 : 0;
  pix->colorspace = V4L2_COLORSPACE_REC709;
  return 0;
}

static int query(struct v4l2_queryctrl *query) {
  unsigned id = query->id & ~V4L2_CTRL_FLAG_NEXT_CTRL;
  if (id >= CONTROLS + device.more_controls) return refuse(EINVAL);
  if (id < CONTROLS) *query = controls[id];
  else {
    *query = (struct v4l2_queryctrl){.id = id + 1, .type = V4L2_CTRL_TYPE_INTEGER, .maximum = INT32_MAX, .step = 1};
    snprintf((char *)query->name, sizeof query->name, "Another control %u", id + 1);
  }
  if (query->id == 4 && values[3] != 1) query->flags = V4L2_CTRL_FLAG_INACTIVE;
  return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  if (device.error && _IOC_NR(request) == device.request) return refuse(device.error);
  switch (request) {
    case VIDIOC_QUERYCAP: {
      struct v4l2_capability *about = argument;
      strcpy((char *)about->driver, "fake");
      memcpy(about->card, device.card, sizeof about->card);
      memcpy(about->bus_info, device.bus, sizeof about->bus_info);
      about->capabilities = device.capabilities;
      count = queued = 0;
      memset(memory, 0, sizeof memory);
      return 0;
    }
    case VIDIOC_S_FMT: return format(&((struct v4l2_format *)argument)->fmt.pix);
    case VIDIOC_S_PARM: return 0;
    case VIDIOC_DQEVENT: {
      struct record record = {0};
      bool is_event = recv(fd, &record, sizeof record, MSG_DONTWAIT) == sizeof record && record.error == SOURCE_CHANGE;
      return is_event ? 0 : refuse(ENODEV);
    }
    case VIDIOC_G_INPUT: *(uint32_t *)argument = device.input; return 0;
    case VIDIOC_SUBSCRIBE_EVENT: {
      struct v4l2_event_subscription *event = argument;
      hold(event->type == V4L2_EVENT_SOURCE_CHANGE);
      if (event->id == device.input) stream = fd;
      return 0;
    }
    case VIDIOC_REQBUFS: count = ((struct v4l2_requestbuffers *)argument)->count; return 0;
    case VIDIOC_QUERYBUF:
      ((struct v4l2_buffer *)argument)->length = MAPPED;
      ((struct v4l2_buffer *)argument)->m.offset = ((struct v4l2_buffer *)argument)->index;
      return 0;
    case VIDIOC_QBUF: return enqueue(((struct v4l2_buffer *)argument)->index);
    case VIDIOC_DQBUF: return dequeue(fd, argument);
    case VIDIOC_STREAMON: hold(queued == count); return (int)send(fd, "s", 1, MSG_NOSIGNAL) - 1;
    case VIDIOC_QUERYCTRL: return query(argument);
    case VIDIOC_G_CTRL: ((struct v4l2_control *)argument)->value = values[((struct v4l2_control *)argument)->id]; return 0;
    case VIDIOC_S_CTRL: {
      struct v4l2_control *control = argument;
      control->value -= control->id == 2 ? control->value % 5 : 0;
      values[control->id] = control->value;
      return 0;
    }
    default: return refuse(ENOTTY);
  }
}
