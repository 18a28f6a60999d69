/* sortbin-camera: the process that owns a V4L2 camera. README.md describes its protocol. */
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <linux/videodev2.h>

#define VERSION "2.0.0"

enum { LINE_SIZE = 201, BUFFERS = 32, HELD = 2 }; /* LINE_SIZE: with its line feed */

/* command.c: parses the command line and the lines of standard input. It has no side effects. */

struct options {
  char path[4096];
  uint64_t width, height, fps, buffers, freeze_ms, start_ms, skip;
  uint32_t format; /* the only one to use, 0: any */
};

struct command {
  uint32_t id;
  enum { NONE, AFTER, LATEST, CONTROLS } verb;
  uint64_t after_ns;
};

/* Splits the texts in place. Returns the rest of the words, or NULL if one is wrong. */
char **parse_options(char **words, struct options *options);
/* Splits a line of `length` bytes in place, without its end. Returns false if it is malformed. */
bool parse_command(char *line, size_t length, struct command *command);

/* controls.c: the controls of a device that have an integer value. */

/* Prints a line for each control. It begins with `prefix`. */
void print_controls(int fd, const char *prefix);
/* Sets the control of the word NAME=VALUE. Prints the line `unset` if that fails. */
void set_control(int fd, const char *word);

/* stream.c: one capture device and its newest frames. */

struct camera {
  const char *path;
  int fd;
  char driver[16], bus[32], card[32];
  struct v4l2_pix_format format;
  uint64_t interval_ns, skip; /* skip: number of good frames to drop */
  unsigned short_frames;      /* in a row */
  const uint8_t *buffers[BUFFERS];
  struct frame {
    unsigned index;
    uint32_t bytes, sequence;
    uint64_t at_ns;
  } held[HELD]; /* the newest one at the end; without bytes: none yet */
  const char *clock; /* source of the time of the newest frame */
};

uint64_t now_ns(void);
/* Returns NULL, or the code of the fault and its reason. */
const char *open_device(struct camera *c, const char *path, const char **reason);
/* On a fault of the camera, the next two report it and exit, and the kernel closes the device. */
void start_stream(struct camera *c, const struct options *options, char **controls);
/* Takes a buffer from the driver, after poll has returned `events`. Returns whether there is a new frame. */
bool take_frame(struct camera *c, short events);
