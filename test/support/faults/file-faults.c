/*
 * Ends a program at one of its changes of the disk, or lets the disk be full. Preload this library.
 *   FILE_FAULTS        the file that controls it, see `struct control`. A test changes it while the program runs.
 *   FILE_FAULTS_UNDER  only changes below this folder count
 * Children of the program are not affected. Counts the calls of all threads, those of SQLite too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum mode { OFF, COUNT, KILL, FULL };

/* In `COUNT`, the calls are written behind it, one in a line. */
struct control {
  int32_t mode;
  int32_t at; /* KILL: number of the call, from 1, before which the program ends. FULL: the first one that fails. */
  int32_t count;
  int32_t failed; /* Calls that failed because of FULL. */
};

static struct control *control;
static char under[4096];
static int trace = -1;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("FILE_FAULTS"), *folder = getenv("FILE_FAULTS_UNDER");
  /* `env` starts Node, which must not lose the library. */
  if (!path || !folder || strcmp(program_invocation_short_name, "node") != 0) return;
  unsetenv("LD_PRELOAD");
  trace = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
  if (trace < 0) return;
  void *memory = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, trace, 0);
  if (memory == MAP_FAILED) return;
  snprintf(under, sizeof under, "%s", folder);
  control = memory;
}

static int is_under(const char *path) { return strncmp(path, under, strlen(under)) == 0; }

/* Counts a call. Returns whether it must fail because the disk is full. `grows`: it needs room on the disk. */
static int point(const char *call, const char *path, int grows) {
  if (!control || control->mode == OFF || !is_under(path)) return 0;
  int number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
  if (control->mode == COUNT) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    char line[4200];
    int length = snprintf(line, sizeof line, "%s %s\n", call, path + strlen(under));
    if (real(trace, line, (size_t)length) < 0) abort();
  }
  if (control->mode == KILL && number == control->at) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  if (control->mode != FULL || number < control->at || !grows) return 0;
  __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
  errno = ENOSPC;
  return 1;
}

static int point_fd(const char *call, int fd, int grows) {
  if (!control || control->mode == OFF) return 0;
  char name[64], path[4096];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(name, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return point(call, path, grows);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define ON_PATH(name, path, grows, parameters, ...) \
  int name parameters { return point(#name, path, grows) ? -1 : REAL(name)(__VA_ARGS__); }
#define ON_FD(type, name, grows, parameters, ...) \
  type name parameters { return point_fd(#name, fd, grows) ? -1 : REAL(name)(__VA_ARGS__); }

ON_PATH(rename, to, 0, (const char *from, const char *to), from, to)
ON_PATH(link, to, 1, (const char *from, const char *to), from, to)
ON_PATH(symlink, to, 1, (const char *from, const char *to), from, to)
ON_PATH(unlink, path, 0, (const char *path), path)
ON_PATH(rmdir, path, 0, (const char *path), path)
ON_PATH(mkdir, path, 1, (const char *path, mode_t mode), path, mode)
ON_PATH(chmod, path, 0, (const char *path, mode_t mode), path, mode)
ON_FD(int, fsync, 1, (int fd), fd)
ON_FD(int, fdatasync, 1, (int fd), fd)
ON_FD(int, ftruncate, 0, (int fd, off_t length), fd, length)
ON_FD(int, ftruncate64, 0, (int fd, off64_t length), fd, length)
ON_FD(ssize_t, write, 1, (int fd, const void *bytes, size_t length), fd, bytes, length)
ON_FD(ssize_t, writev, 1, (int fd, const struct iovec *parts, int count), fd, parts, count)
ON_FD(ssize_t, pwrite, 1, (int fd, const void *bytes, size_t length, off_t at), fd, bytes, length, at)
ON_FD(ssize_t, pwrite64, 1, (int fd, const void *bytes, size_t length, off64_t at), fd, bytes, length, at)
ON_FD(ssize_t, pwritev, 1, (int fd, const struct iovec *parts, int count, off_t at), fd, parts, count, at)
ON_FD(ssize_t, pwritev64, 1, (int fd, const struct iovec *parts, int count, off64_t at), fd, parts, count, at)

/* A file that is created. */
#define ON_OPEN(name) \
  int name(const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    if (flags & O_CREAT && access(path, F_OK) != 0 && point(#name, path, 1)) return -1; \
    return REAL(name)(path, flags, mode); \
  }
ON_OPEN(open)
ON_OPEN(open64)
