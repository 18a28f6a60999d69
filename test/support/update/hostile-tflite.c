/*
 * The TensorFlow Lite C library, with inferences whose behaviour is in the last bytes of the model:
 *   hostile:unloadable  ends its process when the model is loaded
 *   hostile:kills       ends its process
 *   hostile:fills       takes 4 GB of memory
 *   hostile:slow        takes one second
 *   hostile:slower      takes 30 seconds
 *   hostile:stutters    takes one second in the first process, which creates the file `hanging` beside this library
 *   hostile:hangs       creates the file `hanging` beside this library, and does not end
 *   hostile:fails       returns an error
 * A number behind it, such as `hostile:kills:9`, lets so many inferences of the process succeed first.
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

static char behaviour[24];
static int good;

static void *real(const char *name) { return dlsym(dlopen(REAL, RTLD_NOW), name); }

void *TfLiteModelCreate(const void *bytes, size_t size) {
  const char *mark = "hostile:", *end = memmem((const char *)bytes + size - 32, 32, mark, strlen(mark));
  if (end) {
    end += strlen(mark);
    size_t length = (size_t)((const char *)bytes + size - end);
    memcpy(behaviour, end, length < sizeof behaviour ? length : sizeof behaviour - 1);
    char *number = strchr(behaviour, ':');
    if (number) {
      *number = 0;
      good = atoi(number + 1);
    }
  }
  if (strcmp(behaviour, "unloadable") == 0) kill(getpid(), SIGKILL);
  return ((void *(*)(const void *, size_t))real("TfLiteModelCreate"))(bytes, size);
}

static void hang(void) {
  FILE *file = fopen(HANGING, "w");
  if (file) fclose(file);
  for (;;) pause();
}

static int is_first(void) {
  static int first = -1;
  if (first < 0) {
    first = access(HANGING, F_OK) != 0;
    FILE *file = first ? fopen(HANGING, "w") : NULL;
    if (file) fclose(file);
  }
  return first;
}

static void misbehave(void) {
  if (strcmp(behaviour, "kills") == 0) kill(getpid(), SIGKILL);
  if (strcmp(behaviour, "slow") == 0) sleep(1);
  if (strcmp(behaviour, "slower") == 0) sleep(30);
  if (strcmp(behaviour, "stutters") == 0 && is_first()) sleep(1);
  if (strcmp(behaviour, "hangs") == 0) hang();
  if (strcmp(behaviour, "fills") == 0)
    for (int megabytes = 0; megabytes < 4096; megabytes++) memset(malloc(1 << 20), 1, 1 << 20);
}

int TfLiteInterpreterInvoke(void *interpreter) {
  static int inferences;
  int is_good = ++inferences <= good;
  if (!is_good) misbehave();
  if (!is_good && strcmp(behaviour, "fails") == 0) return 1;
  return ((int (*)(void *))real("TfLiteInterpreterInvoke"))(interpreter);
}
