#define _GNU_SOURCE
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHIPS = 64, PATH_SIZE = 320 };

static enum failure because(int error, char why[WHY_SIZE], const char *what) {
  snprintf(why, WHY_SIZE, "%s: %s", what, strerror(error));
  switch (error) {
    case ENOENT:
    case ENXIO:
    case EINVAL: return MISSING;
    case ENODEV: return GONE;
    case EBUSY: return BUSY;
    case EACCES:
    case EPERM: return DENIED;
    default: return FAILED;
  }
}

/* Opens the chip by its label or name, or the chip of a named line, and sets `offset`. Returns -1 and sets `error` if
   there is none. */
static int find_chip(const struct command *c, uint32_t *offset, int *error) {
  *error = ENOENT;
  for (int number = 0; number < CHIPS; number++) {
    char path[PATH_SIZE];
    struct gpiochip_info chip = {0};
    snprintf(path, sizeof path, "/dev/gpiochip%d", number);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
      if (errno != ENOENT) *error = errno;
      continue;
    }
    if (ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &chip) == 0) {
      if (c->place == AT_CHIP) {
        *offset = c->offset;
        if (strcmp(chip.label, c->where) == 0 || strcmp(chip.name, c->where) == 0) return fd;
      }
      for (uint32_t line = 0; c->place == AT_LINE && line < chip.lines; line++) {
        struct gpio_v2_line_info info = {.offset = line};
        *offset = line;
        if (ioctl(fd, GPIO_V2_GET_LINEINFO_IOCTL, &info) == 0 && strcmp(info.name, c->where) == 0) return fd;
      }
    }
    close(fd);
  }
  return -1;
}

static void add(struct gpio_v2_line_config *config, uint32_t id, uint64_t value) {
  struct gpio_v2_line_config_attribute *attribute = &config->attrs[config->num_attrs++];
  attribute->mask = 1;
  attribute->attr.id = id;
  if (id == GPIO_V2_LINE_ATTR_ID_DEBOUNCE) attribute->attr.debounce_period_us = (uint32_t)value;
  else attribute->attr.values = value;
}

static enum failure take_line(struct pin *pin, const struct command *c, char why[WHY_SIZE]) {
  static const uint64_t biases[] = {0, GPIO_V2_LINE_FLAG_BIAS_PULL_UP, GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN,
                                    GPIO_V2_LINE_FLAG_BIAS_DISABLED};
  struct gpio_v2_line_request request = {.num_lines = 1, .event_buffer_size = 64};
  uint32_t offset = 0;
  int error = 0, chip = find_chip(c, &offset, &error);
  if (chip < 0) return because(error, why, c->where);
  request.offsets[0] = offset;
  snprintf(request.consumer, sizeof request.consumer, "sortbin %.23s", c->name);
  request.config.flags = c->verb == VERB_OUT ? GPIO_V2_LINE_FLAG_OUTPUT : GPIO_V2_LINE_FLAG_INPUT | biases[c->bias];
  if (c->low) request.config.flags |= GPIO_V2_LINE_FLAG_ACTIVE_LOW;
  if (c->edges) request.config.flags |= GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING;
  if (c->verb == VERB_OUT) add(&request.config, GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES, 0);
  else if (c->debounce_us) add(&request.config, GPIO_V2_LINE_ATTR_ID_DEBOUNCE, c->debounce_us);
  if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) < 0) {
    struct gpio_v2_line_info info = {.offset = offset};
    error = errno;
    bool told = error == EBUSY && ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &info) == 0;
    close(chip);
    if (!told) return because(error, why, c->where);
    snprintf(why, WHY_SIZE, "%s %u is held by \"%s\"", c->where, offset, info.consumer);
    return BUSY;
  }
  close(chip);
  pin->fd = request.fd;
  pin->device = true;
  fcntl(pin->fd, F_SETFL, O_NONBLOCK);
  return OK;
}

static bool put(int fd, const char *text) { return pwrite(fd, text, strlen(text), 0) == (ssize_t)strlen(text); }

static bool put_number(int fd, uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%llu", (unsigned long long)value);
  return put(fd, text);
}

static int open_in(const char *folder, const char *file) {
  char path[PATH_SIZE + 16];
  snprintf(path, sizeof path, "%s/%s", folder, file);
  return open(path, O_WRONLY | O_CLOEXEC);
}

static enum failure take_file(struct pin *pin, const struct command *c, char why[WHY_SIZE]) {
  int fd = open(c->where, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return because(errno, why, c->where);
  pin->fd = fd;
  pin->low_file = c->low;
  if (pin_drive(pin, false, 0) == OK) return OK;
  enum failure failure = because(errno, why, c->where);
  pin_drop(pin);
  return failure;
}

/* Finds the folder of a PWM chip by its number or the name of its device. */
static bool find_pwm(const char *wanted, char folder[PATH_SIZE]) {
  for (int number = 0; number < CHIPS; number++) {
    char link[PATH_SIZE], target[PATH_SIZE], text[8];
    snprintf(folder, PATH_SIZE, "/sys/class/pwm/pwmchip%d", number);
    if (access(folder, F_OK) != 0) continue;
    snprintf(text, sizeof text, "%d", number);
    snprintf(link, sizeof link, "/sys/class/pwm/pwmchip%d/device", number);
    ssize_t size = readlink(link, target, sizeof target - 1);
    if (size > 0) target[size] = 0;
    const char *device = size > 0 ? strrchr(target, '/') : NULL;
    if (strcmp(wanted, text) == 0 || (device && strcmp(device + 1, wanted) == 0)) return true;
  }
  return false;
}

static enum failure take_pwm(struct pin *pin, const struct command *c, char why[WHY_SIZE]) {
  char folder[PATH_SIZE], channel[PATH_SIZE + 16], number[12];
  if (!find_pwm(c->where, folder)) {
    snprintf(why, WHY_SIZE, "no PWM chip %s below /sys/class/pwm", c->where);
    return MISSING;
  }
  snprintf(channel, sizeof channel, "%s/pwm%u", folder, c->offset);
  if (access(channel, F_OK) != 0) {
    int export = open_in(folder, "export");
    if (export < 0) return because(errno, why, folder);
    snprintf(number, sizeof number, "%u", c->offset);
    bool exported = put(export, number);
    int error = errno;
    close(export);
    /* The kernel returns ENODEV if the chip does not have this channel. */
    if (!exported) return because(error == ENODEV ? ENOENT : error, why, channel);
  }
  int period = open_in(channel, "period");
  pin->fd = open_in(channel, "enable");
  pin->duty_fd = open_in(channel, "duty_cycle");
  /* A crashed process may have left any state. Off and pulse 0 come first, so that no pulse exceeds the new period. */
  bool ready = period >= 0 && pin->fd >= 0 && pin->duty_fd >= 0;
  if (ready) {
    put(pin->fd, "0");
    put(pin->duty_fd, "0");
    ready = put_number(period, c->period_us * 1000) && pin_drive(pin, false, 0) == OK;
  }
  enum failure failure = ready ? OK : because(errno, why, channel);
  if (period >= 0) close(period);
  if (!ready) pin_drop(pin);
  return failure;
}

enum failure pin_take(struct pin *pin, const struct command *c, char why[WHY_SIZE]) {
  *pin = (struct pin){.fd = -1, .duty_fd = -1};
  switch (c->place) {
    case AT_FILE: return take_file(pin, c, why);
    case AT_PWM: return take_pwm(pin, c, why);
    default: return take_line(pin, c, why);
  }
}

static enum failure driven(bool done) {
  if (done) return OK;
  return errno == ENODEV || errno == ENXIO ? GONE : FAILED;
}

enum failure pin_drive(struct pin *pin, bool on, uint64_t pulse_ns) {
  if (pin->duty_fd >= 0) {
    if (on) return driven(put_number(pin->duty_fd, pulse_ns) && put(pin->fd, "1"));
    bool disabled = put(pin->fd, "0");
    return driven(put(pin->duty_fd, "0") && disabled);
  }
  struct gpio_v2_line_values values = {.bits = on, .mask = 1};
  if (ioctl(pin->fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) == 0) return OK;
  if (errno != ENOTTY) return driven(false);
  return driven(put(pin->fd, on != pin->low_file ? "1" : "0"));
}

int pin_level(struct pin *pin) {
  struct gpio_v2_line_values values = {.mask = 1};
  if (ioctl(pin->fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0) return -1;
  return (int)(values.bits & 1);
}

int pin_edges(struct pin *pin, struct edge *edges, int most) {
  struct gpio_v2_line_event events[16];
  if (most > 16) most = 16;
  ssize_t size = read(pin->fd, events, (size_t)most * sizeof *events);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  int count = (int)((size_t)size / sizeof *events);
  for (int i = 0; i < count; i++) {
    edges[i].at_ns = events[i].timestamp_ns;
    edges[i].active = events[i].id == GPIO_V2_LINE_EVENT_RISING_EDGE;
    edges[i].missed = events[i].line_seqno - pin->seen - 1;
    pin->seen = events[i].line_seqno;
  }
  return count;
}

void pin_drop(struct pin *pin) {
  if (pin->fd >= 0) close(pin->fd);
  if (pin->duty_fd >= 0) close(pin->duty_fd);
  *pin = (struct pin){.fd = -1, .duty_fd = -1};
}
