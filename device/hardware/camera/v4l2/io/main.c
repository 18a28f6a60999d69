#define _GNU_SOURCE
#include "camera.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PROTOCOL = 1, EXIT_USAGE = 2, FIRST_PAUSE_MS = 250, LONGEST_PAUSE_MS = 5000 };
static const uint64_t STEADY_NS = 10000000000ull;

static struct options options;
static struct camera camera = {.fd = -1};
static struct {
  char fault[TEXT_SIZE]; /* the last one that was sent; empty after `ready` */
  uint64_t pause_ms, at_ns;
} retry = {.pause_ms = FIRST_PAUSE_MS};
static struct {
  bool is_waiting;
  uint32_t id;
  uint64_t after_ns;
} request;

static void send_frame(uint32_t id, const struct frame *frame) {
  send_line("%u frame %llu %u %u", id, (unsigned long long)frame->at_ns, frame->sequence, frame->bytes);
  send_bytes(camera.buffers[frame->index].start, frame->bytes);
}

static void answer_waiting(void) {
  for (unsigned i = 0; request.is_waiting && i < camera.held_count; i++) {
    if (camera.held[i].at_ns <= request.after_ns) continue;
    request.is_waiting = false;
    send_frame(request.id, &camera.held[i]);
  }
}

static const char *colour(void) {
  static const char *const colours[] = {"bt601-limited", "bt601-full", "bt709-limited", "bt709-full"};
  const struct v4l2_pix_format *format = &camera.format;
  uint32_t coding = format->ycbcr_enc, range = format->quantization;
  if (format->pixelformat == V4L2_PIX_FMT_MJPEG) return "jpeg";
  if (!coding) coding = V4L2_MAP_YCBCR_ENC_DEFAULT(format->colorspace);
  if (!range) range = V4L2_MAP_QUANTIZATION_DEFAULT(false, format->colorspace, coding);
  bool is_709 = coding == V4L2_YCBCR_ENC_709 || coding == V4L2_YCBCR_ENC_XV709;
  return colours[2 * is_709 + (range == V4L2_QUANTIZATION_FULL_RANGE)];
}

static void send_ready(void) {
  const struct v4l2_pix_format *format = &camera.format;
  bool is_jpeg = format->pixelformat == V4L2_PIX_FMT_MJPEG;
  retry.fault[0] = 0;
  send_line("ready format=%s width=%u height=%u stride=%u colour=%s fps=%.5g clock=%s device=%s driver=%s bus=%s "
            "card=%s", is_jpeg ? "MJPG" : "YUYV", format->width, format->height, is_jpeg ? 0 : format->bytesperline,
            colour(), 1e9 / (double)camera.interval_ns, camera.clock, camera.path, camera.names.driver,
            camera.names.bus, camera.names.card);
}

static void go_down(void) {
  uint64_t now = now_ns();
  if (camera.ready_at_ns && now - camera.ready_at_ns >= STEADY_NS) retry.pause_ms = FIRST_PAUSE_MS;
  close_camera(&camera);
  if (strcmp(retry.fault, camera.text) != 0) send_line("fault %s %s", camera.code, camera.text);
  memcpy(retry.fault, camera.text, sizeof retry.fault);
  retry.at_ns = now + retry.pause_ms * 1000000;
  retry.pause_ms = retry.pause_ms * 2 < LONGEST_PAUSE_MS ? retry.pause_ms * 2 : LONGEST_PAUSE_MS;
}

/* Starts the stream, takes a frame, or finds that the stream is frozen. Returns false if the stream is down. */
static bool run_stream(short events, bool is_due) {
  uint64_t ready_at_ns = camera.ready_at_ns;
  if (camera.fd < 0) return !is_due || start_stream(&camera, &options);
  if (!events)
    return !is_due || fail(&camera, "frozen", "%s: no good frame within %llu ms", camera.path,
                           (unsigned long long)(ready_at_ns ? options.freeze_ms : options.start_ms));
  if (!take_frame(&camera, &options, events)) return false;
  if (camera.ready_at_ns != ready_at_ns) send_ready();
  answer_waiting();
  return true;
}

/* Leaves out the controls that would make the line too long. */
static void send_controls(uint32_t id) {
  char line[REPLY_SIZE];
  struct v4l2_queryctrl control = {0};
  int32_t value;
  int size = snprintf(line, sizeof line, "%u ok", id);
  while (size < REPLY_SIZE - 100 && next_control(camera.fd, &control, &value))
    size += snprintf(line + size, 100, " %s=%d,%d,%d,%d,%d,%s", (char *)control.name, value, control.minimum,
                     control.maximum, control.step, control.default_value, flags_of(&control));
  send_line("%s", line);
}

static void perform(struct command *c) {
  if (c->verb == VERB_AFTER) {
    if (request.is_waiting) send_line("%u error cancelled a newer after replaced it", request.id);
    request.is_waiting = true;
    request.id = c->id;
    request.after_ns = c->after_ns;
    return answer_waiting();
  }
  if (camera.fd < 0) return send_line("%u error down %s", c->id, camera.text);
  if (c->verb == VERB_CONTROLS) return send_controls(c->id);
  if (c->verb == VERB_SET) {
    const char *wrong = set_control(camera.fd, &c->setting);
    if (wrong) return send_line("%u error control %s: %s", c->id, c->setting.name, wrong);
    return send_line("%u ok %d", c->id, c->setting.value);
  }
  if (camera.held_count == 0) return send_line("%u error none there is no frame yet", c->id);
  send_frame(c->id, &camera.held[camera.held_count - 1]);
}

/* Bytes of standard input that do not form a complete line yet. */
static struct {
  char text[4096];
  size_t size;
} in;

/* Returns false at the end of the input. */
static bool take_commands(void) {
  ssize_t size = read(STDIN_FILENO, in.text + in.size, sizeof in.text - in.size);
  if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
  in.size += (size_t)size;
  char *start = in.text;
  for (char *end; (end = memchr(start, '\n', in.size - (size_t)(start - in.text))); start = end + 1) {
    struct command command = {0};
    *end = 0;
    const char *wrong = end - start >= LINE_SIZE                ? "it is too long"
                        : strlen(start) < (size_t)(end - start) ? "it holds a zero byte"
                                                                : parse_command(start, &command);
    if (wrong) send_line("%u error command %s", command.id, wrong);
    else perform(&command);
  }
  in.size -= (size_t)(start - in.text);
  memmove(in.text, start, in.size);
  /* The rest of a line that is too long is dropped. */
  if (in.size > LINE_SIZE) in.size = LINE_SIZE;
  return true;
}

static int serve(void) {
  for (;;) {
    uint64_t now = now_ns(), at_ns = camera.fd < 0 ? retry.at_ns : camera.deadline_ns;
    struct pollfd polled[] = {{STDIN_FILENO, POLLIN, 0}, {camera.fd, POLLIN | POLLPRI, 0}};
    if (poll(polled, 2, at_ns > now ? (int)((at_ns - now) / 1000000) + 1 : 0) < 0 && errno != EINTR) return 1;
    if (!run_stream(polled[1].revents, now_ns() >= at_ns)) go_down();
    if (polled[0].revents && !take_commands()) return 0;
  }
}

int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], "--list") == 0) {
    list_all();
    return 0;
  }
  const char *wrong = parse_options(count - 1, words + 1, &options);
  if (wrong) {
    fprintf(stderr,
            "sortbin-camera: %s\nusage: sortbin-camera --list\n       sortbin-camera [--buffers N] [--freeze-ms N] "
            "[--start-ms N] [--skip N] [--format mjpeg|yuyv] DEVICE WIDTHxHEIGHT FPS [CONTROL=VALUE]...\n", wrong);
    return EXIT_USAGE;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
  send_line("sortbin-camera %d %s", PROTOCOL, VERSION);
  return serve();
}
