#define _GNU_SOURCE
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Makes a name from outside one printable word. */
static const char *word(char *name) {
  for (char *c = name; *c; c++)
    if (*c <= ' ' || *c > '~') *c = '_';
  return *name ? name : "-";
}

static void list_lines(int fd, uint32_t count) {
  for (uint32_t offset = 0; offset < count; offset++) {
    struct gpio_v2_line_info line = {.offset = offset};
    if (ioctl(fd, GPIO_V2_GET_LINEINFO_IOCTL, &line) < 0) continue;
    bool used = line.flags & GPIO_V2_LINE_FLAG_USED, output = line.flags & GPIO_V2_LINE_FLAG_OUTPUT;
    printf("line %u %s %s %s\n", offset, word(line.name), output ? "output" : "input",
           used && !*line.consumer ? "kernel" : word(line.consumer));
  }
}

static void list_chip(int number) {
  char path[32];
  struct gpiochip_info chip = {0};
  snprintf(path, sizeof path, "/dev/gpiochip%d", number);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    if (errno != ENOENT) printf("unusable %s %s\n", path, strerror(errno));
    return;
  }
  if (ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &chip) == 0) {
    printf("chip %s %s %u\n", word(chip.name), word(chip.label), chip.lines);
    list_lines(fd, chip.lines);
  }
  close(fd);
}

static void list_pwm(int number) {
  char path[64], text[160];
  snprintf(path, sizeof path, "/sys/class/pwm/pwmchip%d", number);
  if (access(path, F_OK) != 0) return;
  snprintf(text, sizeof text, "%s/npwm", path);
  int fd = open(text, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[size < 0 ? 0 : size] = 0;
  text[strcspn(text, "\n")] = 0;
  char link[96], target[160];
  snprintf(link, sizeof link, "%s/device", path);
  size = readlink(link, target, sizeof target - 1);
  target[size < 0 ? 0 : size] = 0;
  char *device = strrchr(target, '/');
  snprintf(link, sizeof link, "%s/export", path);
  printf("pwm %d %s %s %s\n", number, device ? word(device + 1) : "-", *text ? text : "0",
         access(link, W_OK) == 0 ? "usable" : "denied");
}

void list_all(void) {
  for (int number = 0; number < 64; number++) list_chip(number);
  for (int number = 0; number < 64; number++) list_pwm(number);
}
