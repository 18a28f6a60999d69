/*
 * The TensorFlow Lite C library, with inferences whose behaviour is in the last bytes of the model:
 *   hostile:kills   ends its process
 *   hostile:fills   takes 4 GB of memory
 *   hostile:slow    takes one second
 *   hostile:hangs   creates the file `hanging` beside this library, and does not end
 *
 * REAL is the path of the library itself. This library is linked to it, and defines two of its functions again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char behaviour[16];

static void *real(const char *name) { return dlsym(dlopen(REAL, RTLD_NOW), name); }

void *TfLiteModelCreate(const void *bytes, size_t size) {
  const char *mark = "hostile:", *end = memmem((const char *)bytes + size - 24, 24, mark, strlen(mark));
  if (end) {
    end += strlen(mark);
    size_t length = (size_t)((const char *)bytes + size - end);
    memcpy(behaviour, end, length < sizeof behaviour ? length : sizeof behaviour - 1);
  }
  return ((void *(*)(const void *, size_t))real("TfLiteModelCreate"))(bytes, size);
}

static void hang(void) {
  FILE *file = fopen(HANGING, "w");
  if (file) fclose(file);
  for (;;) pause();
}

int TfLiteInterpreterInvoke(void *interpreter) {
  if (strcmp(behaviour, "kills") == 0) kill(getpid(), SIGKILL);
  if (strcmp(behaviour, "slow") == 0) sleep(1);
  if (strcmp(behaviour, "hangs") == 0) hang();
  if (strcmp(behaviour, "fills") == 0)
    for (int megabytes = 0; megabytes < 4096; megabytes++) memset(malloc(1 << 20), 1, 1 << 20);
  return ((int (*)(void *))real("TfLiteInterpreterInvoke"))(interpreter);
}
