/* sortbin-io: the process that holds the lines. README.md says what it is asked and what it promises. */
#ifndef SORTBIN_IO_H
#define SORTBIN_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERSION "1.0.0"

enum { NAME_SIZE = 32, PLACE_SIZE = 128, LINE_SIZE = 401, GUARDS = 4, LINES = 32 };

/* command.c: a line of text to a command, and nothing else. */

enum verb { VERB_IN, VERB_OUT, VERB_PWM, VERB_ON, VERB_DUTY, VERB_OFF, VERB_RENEW, VERB_GET, VERB_SAFE };
enum place { AT_CHIP, AT_LINE, AT_FILE, AT_PWM };
enum bias { BIAS_AS_IS, BIAS_UP, BIAS_DOWN, BIAS_OFF };

struct command {
  uint32_t id;
  enum verb verb;
  char name[NAME_SIZE];
  enum place place;
  char where[PLACE_SIZE]; /* chip, name of the line, or path */
  uint32_t offset;        /* of the line, or the PWM channel */
  enum bias bias;
  bool low, edges;
  uint64_t debounce_us, bound_us, rest_us, lease_us;
  uint64_t period_us, min_us, max_us;
  char group[NAME_SIZE];
  char guards[GUARDS][NAME_SIZE];
  unsigned guard_count;
  uint64_t pulse_us; /* of `duty` */
  uint64_t time_us;  /* of `on` and `duty`; 0: none was given */
};

/* NULL, or what is wrong with it. Cuts `text` into words. */
const char *parse_command(char *text, struct command *command);

/* pins.c: the kernel's GPIO and PWM. Each takes or gives a pin; where it fails, `why` says so in words. */

enum failure { OK, MISSING, BUSY, DENIED, GONE, FAILED };

struct pin {
  int fd;        /* of the line, of the value file, or of the PWM channel's `enable`; -1: none */
  int duty_fd;   /* of the PWM channel's `duty_cycle`; -1: it is none */
  bool device;   /* a line of the character device: to poll it tells of edges, and that the chip is gone */
  bool low_file; /* a value file whose 0 is on */
  uint32_t seen, lost; /* number of the last edge; edges that found no room since they were last told */
};

enum { WHY_SIZE = 320 };

enum failure pin_take(struct pin *pin, const struct command *command, char why[WHY_SIZE]);
/* On or off; a PWM channel by pulses of so many ns. */
enum failure pin_drive(struct pin *pin, bool on, uint64_t pulse_ns);
/* 1, 0, or -1 where it cannot be read. */
int pin_level(struct pin *pin);

struct edge {
  uint64_t at_ns;
  bool active;
  uint32_t missed;
};

/* How many edges there are, at most `most`; -1: the chip is gone. */
int pin_edges(struct pin *pin, struct edge *edges, int most);
void pin_drop(struct pin *pin);

/* out.c: what is said on standard output, a line each. */

enum { OUT_SIZE = 65536 };

/* An event; false where there is no room: half of the buffer is kept for answers. */
__attribute__((format(printf, 1, 2))) bool say(const char *format, ...);
/* What must not be lost: a caller that has let a whole buffer of it lie is taken for dead. */
__attribute__((format(printf, 1, 2))) void answer(const char *format, ...);
bool is_to_write(void);
/* As far as the caller takes it at once; false: nobody reads any more. */
bool write_out(void);

/* rules.c: what an output may do, and what ends it. */

struct line {
  bool used, output, on, stuck;
  char name[NAME_SIZE];
  struct pin pin;
  uint64_t bound_ns, rest_ns, lease_ns, min_ns, max_ns; /* min and max of a PWM pulse */
  char group[NAME_SIZE];
  char guards[GUARDS][NAME_SIZE];
  unsigned guard_count;
  uint64_t on_at_ns, off_at_ns, end_ns, bound_end_ns, lease_end_ns;
};

struct board {
  struct line lines[LINES];
};

struct line *find_line(struct board *board, const char *name);
/* NULL, or the code and the text of the refusal, as "refused it rests". */
const char *turn_on(struct board *board, struct line *line, uint64_t pulse_ns, uint64_t time_ns, uint64_t now_ns);
void turn_off(struct line *line, const char *reason, uint64_t now_ns);
void all_off(struct board *board, const char *reason, uint64_t now_ns);
void renew(struct board *board, uint64_t now_ns);
/* Ends what is over, and gives the next moment at which something will be; 0: nothing is on. */
uint64_t end_what_is_over(struct board *board, uint64_t now_ns);
void guard_is_active(struct board *board, const char *guard, uint64_t now_ns);
void lose_line(struct line *line);

/* list.c: what this machine has, for people who look for a line. On standard output. */

void list_all(void);

#endif
