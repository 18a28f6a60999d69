/* sortbin-camera: the process that owns a V4L2 camera. README.md describes its protocol. */
#ifndef SORTBIN_CAMERA_H
#define SORTBIN_CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <linux/videodev2.h>

#define VERSION "1.0.0"

enum { LINE_SIZE = 201, NAME_SIZE = 32, PATH_SIZE = 256, TEXT_SIZE = 480, REPLY_SIZE = 1000 };
enum { SETTINGS = 32, BUFFERS = 32, HELD = 2, DEVICES = 256 };

/* command.c: parses the command line and the lines of standard input. It has no side effects. */

struct setting {
  char name[NAME_SIZE];
  int32_t value;
};

struct options {
  char path[PATH_SIZE];
  uint64_t width, height, fps, buffers, freeze_ms, start_ms, skip;
  uint32_t format; /* the only one to use, 0: any */
  struct setting settings[SETTINGS];
  unsigned setting_count;
};

struct command {
  uint32_t id;
  enum { VERB_AFTER, VERB_LATEST, VERB_CONTROLS, VERB_SET } verb;
  uint64_t after_ns;
  struct setting setting;
};

/* Both return NULL, or the text of the error. They split their texts in place. */
const char *parse_options(int count, char **words, struct options *options);
const char *parse_command(char *text, struct command *command);

/* out.c: standard output. The process exits if its reader is gone, or takes no byte for 2 s. */

__attribute__((format(printf, 1, 2))) void send_line(const char *format, ...);
void send_bytes(const void *bytes, size_t size);

/* device.c: one capture device. A function that returns false leaves the reason in `code` and `text`. */

struct frame {
  unsigned index;
  uint32_t bytes, sequence;
  uint64_t at_ns;
};

struct camera {
  int fd; /* -1 if closed */
  char path[PATH_SIZE];
  struct names {
    char driver[16], bus[32], card[32];
  } names, first; /* first: of the first camera that was opened */
  const char *code;
  char text[TEXT_SIZE];
  struct v4l2_pix_format format;
  uint64_t interval_ns;
  struct {
    void *start;
    size_t size;
  } buffers[BUFFERS];
  unsigned buffer_count, held_count;
  struct frame held[HELD]; /* the newest frames, the oldest first */
  const char *clock;
  uint64_t skip, ready_at_ns, deadline_ns; /* ready_at_ns: 0 before the first frame */
};

__attribute__((format(printf, 3, 4))) bool fail(struct camera *camera, const char *code, const char *format, ...);
/* Fails with the text of errno. */
bool fail_call(struct camera *camera, const char *call);
int call_device(int fd, unsigned long request, void *argument);
bool open_device(struct camera *camera, const char *path);
/* Opens `path`, or the number that the camera of the first call has now. */
bool find_camera(struct camera *camera, const char *path);
bool negotiate(struct camera *camera, const struct options *options);
/* The end of the stream. A device that is held after it was unplugged keeps its number. */
void close_camera(struct camera *camera);

/* Moves to the next control that has an integer value. Begins with a zeroed structure. */
bool next_control(int fd, struct v4l2_queryctrl *control, int32_t *value);
const char *flags_of(const struct v4l2_queryctrl *control);
/* Returns NULL, or the text of the error. `setting` receives the value that the driver has chosen. */
const char *set_control(int fd, struct setting *setting);

/* stream.c: the buffers and the newest frames. */

uint64_t now_ns(void);
bool start_stream(struct camera *camera, const struct options *options);
/* Takes one buffer from the driver, after poll has returned `events`. */
bool take_frame(struct camera *camera, const struct options *options, short events);

/* list.c: prints the capture devices of this machine. */

void list_all(void);

#endif
