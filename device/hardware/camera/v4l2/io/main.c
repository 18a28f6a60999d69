#include "camera.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* PATIENCE_S: SIGALRM ends the process if its output is not read within this time. */
enum { PROTOCOL = 2, EXIT_USAGE = 2, PATIENCE_S = 2 };

static struct options options;
static struct camera camera;
static struct command waiting; /* the command `after` that has no reply yet, or NONE */

static void send_frame(uint32_t id, const struct frame *frame) {
  printf("%u frame %llu %u %u\n", id, (unsigned long long)frame->at_ns, frame->sequence, frame->bytes);
  fwrite(camera.buffers[frame->index], 1, frame->bytes, stdout);
}

static void answer_waiting(void) {
  const struct frame *frame = camera.held[0].at_ns > waiting.after_ns ? &camera.held[0] : &camera.held[1];
  if (waiting.verb != AFTER || frame->at_ns <= waiting.after_ns) return;
  waiting.verb = NONE;
  send_frame(waiting.id, frame);
}

static const char *colour_of(const struct v4l2_pix_format *format) {
  static const char *const colours[] = {"bt601-limited", "bt601-full", "bt709-limited", "bt709-full"};
  uint32_t coding = format->ycbcr_enc, range = format->quantization;
  if (!coding) coding = V4L2_MAP_YCBCR_ENC_DEFAULT(format->colorspace);
  if (!range) range = V4L2_MAP_QUANTIZATION_DEFAULT(false, format->colorspace, coding);
  bool is_709 = coding == V4L2_YCBCR_ENC_709 || coding == V4L2_YCBCR_ENC_XV709;
  return colours[2 * is_709 + (range == V4L2_QUANTIZATION_FULL_RANGE)];
}

static void send_ready(void) {
  const struct v4l2_pix_format *format = &camera.format;
  bool is_jpeg = format->pixelformat == V4L2_PIX_FMT_MJPEG;
  printf("ready format=%s width=%u height=%u ", is_jpeg ? "MJPG" : "YUYV", format->width, format->height);
  printf("stride=%u colour=%s ", is_jpeg ? 0 : format->bytesperline, is_jpeg ? "jpeg" : colour_of(format));
  printf("fps=%.5g clock=%s device=%s ", 1e9 / (double)camera.interval_ns, camera.clock, camera.path);
  printf("driver=%s bus=%s card=%s\n", camera.driver, camera.bus, camera.card);
}

static void execute(char *line, size_t length) {
  struct command command;
  alarm(PATIENCE_S);
  if (!parse_command(line, length, &command)) printf("%u error command the line is malformed\n", command.id);
  else if (command.verb == CONTROLS) {
    char prefix[16];
    snprintf(prefix, sizeof prefix, "%u ", command.id);
    print_controls(camera.fd, prefix);
    printf("%sok\n", prefix);
  } else if (command.verb == AFTER) {
    if (waiting.verb == AFTER) printf("%u error cancelled a newer after replaced it\n", waiting.id);
    waiting = command;
    answer_waiting();
  } else if (camera.held[1].bytes == 0) printf("%u error none there is no frame yet\n", command.id);
  else send_frame(command.id, &camera.held[1]);
}

/* Executes the whole lines of standard input, and keeps the rest. Returns false at its end. */
static bool take_input(void) {
  static char text[LINE_SIZE];
  static size_t size;
  ssize_t count = read(STDIN_FILENO, text + size, sizeof text - size);
  if (count <= 0) return count < 0 && errno == EAGAIN;
  size += (size_t)count;
  for (char *end; (end = memchr(text, '\n', size));) {
    *end = 0;
    execute(text, (size_t)(end - text));
    size -= (size_t)(end + 1 - text);
    memmove(text, end + 1, size);
  }
  /* A line that is too long loses its last byte each time. The byte 0 makes it malformed. */
  if (size == sizeof text) text[--size - 1] = 0;
  return true;
}

/* Returns the exit code. */
static int serve(void) {
  bool is_ready = false;
  uint64_t limit_ms = options.start_ms, due_ns = now_ns() + limit_ms * 1000000;
  for (;;) {
    uint64_t now = now_ns();
    struct pollfd polled[] = {{STDIN_FILENO, POLLIN, 0}, {camera.fd, POLLIN | POLLPRI, 0}};
    poll(polled, 2, due_ns > now ? (int)((due_ns - now) / 1000000) + 1 : 0);
    alarm(PATIENCE_S);
    if (polled[1].revents && take_frame(&camera, polled[1].revents)) {
      if (!is_ready) send_ready();
      is_ready = true;
      limit_ms = options.freeze_ms;
      due_ns = now_ns() + limit_ms * 1000000;
    } else if (!polled[1].revents && now_ns() >= due_ns) {
      printf("fault frozen %s: no good frame within %d ms\n", camera.path, (int)limit_ms);
      return EXIT_FAILURE;
    }
    answer_waiting();
    if (polled[0].revents && !take_input()) return EXIT_SUCCESS;
    fflush(stdout);
    alarm(0);
  }
}

static void list_size(uint32_t format, uint32_t width, uint32_t height) {
  struct v4l2_frmivalenum rate = {.pixel_format = format, .width = width, .height = height};
  printf("size %.4s %ux%u", (const char *)&format, width, height);
  for (bool is_range = false; !is_range && ioctl(camera.fd, VIDIOC_ENUM_FRAMEINTERVALS, &rate) == 0; rate.index++) {
    is_range = rate.type != V4L2_FRMIVAL_TYPE_DISCRETE;
    struct v4l2_fract interval = is_range ? rate.stepwise.min : rate.discrete;
    if (interval.numerator) printf(" %.5g", (double)interval.denominator / interval.numerator);
  }
  putchar('\n');
}

static void list_sizes(uint32_t format) {
  static const uint32_t usual[][2] = {{320, 240}, {640, 480}, {1280, 720}, {1920, 1080}};
  struct v4l2_frmsizeenum size = {.pixel_format = format};
  for (bool is_range = false; !is_range && ioctl(camera.fd, VIDIOC_ENUM_FRAMESIZES, &size) == 0; size.index++) {
    is_range = size.type != V4L2_FRMSIZE_TYPE_DISCRETE;
    if (!is_range) list_size(format, size.discrete.width, size.discrete.height);
    for (int i = 0; is_range && i < 4 && usual[i][0] <= size.stepwise.max_width; i++)
      list_size(format, usual[i][0], usual[i][1]);
  }
}

static int list_devices(void) {
  for (int number = 0; number < 256; number++) {
    char path[32];
    snprintf(path, sizeof path, "/dev/video%d", number);
    const char *reason, *code = open_device(&camera, path, &reason);
    if (!code) {
      printf("camera %s driver=%s bus=%s card=%s\n", path, camera.driver, camera.bus, camera.card);
      list_sizes(V4L2_PIX_FMT_MJPEG);
      list_sizes(V4L2_PIX_FMT_YUYV);
      print_controls(camera.fd, "");
      close(camera.fd);
    } else if (strcmp(code, "missing") != 0 && strcmp(code, "unsupported") != 0)
      printf("error %s %s %s: %s\n", path, code, path, reason);
  }
  return EXIT_SUCCESS;
}

int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], "--list") == 0) return list_devices();
  char **controls = parse_options(words + 1, &options);
  if (!controls) {
    fputs("usage: sortbin-camera --list\n"
          "       sortbin-camera [OPTION]... DEVICE WIDTHxHEIGHT FPS [CONTROL=VALUE]...\n"
          "DEVICE is an absolute path or an index. FPS is 1 to 1000. OPTION is --buffers 3..32, --skip 0..1000,\n"
          "--freeze-ms 1..600000, --start-ms 1..600000 or --format mjpeg|yuyv.\n", stderr);
    return EXIT_USAGE;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("sortbin-camera %d %s\n", PROTOCOL, VERSION);
  start_stream(&camera, &options, controls);
  return serve();
}
