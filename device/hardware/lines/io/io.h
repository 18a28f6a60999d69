/* sortbin-io: the process that holds the GPIO lines and PWM channels. README.md describes its protocol. */
#ifndef SORTBIN_IO_H
#define SORTBIN_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERSION "1.1.0"

enum { NAME_SIZE = 32, PLACE_SIZE = 128, LINE_SIZE = 401, GUARDS = 4, LINES = 32 };

/* command.c: parses a line of text into a command. It has no side effects. */

enum verb { VERB_IN, VERB_OUT, VERB_PWM, VERB_ON, VERB_DUTY, VERB_OFF, VERB_RENEW, VERB_GET, VERB_SAFE };
enum place { AT_CHIP, AT_LINE, AT_FILE, AT_PWM };
enum bias { BIAS_AS_IS, BIAS_UP, BIAS_DOWN, BIAS_OFF };

struct command {
  uint32_t id;
  enum verb verb;
  char name[NAME_SIZE];
  enum place place;
  char where[PLACE_SIZE]; /* chip, name of the line, or path of the value file */
  uint32_t offset;        /* of the line on its chip, or the PWM channel */
  enum bias bias;
  bool low, edges;
  uint64_t debounce_us, bound_us, rest_us, lease_us; /* bound: maximum on-time; rest: minimum off-time */
  uint64_t period_us, min_us, max_us;
  char group[NAME_SIZE];
  char guards[GUARDS][NAME_SIZE];
  unsigned guard_count;
  uint64_t pulse_us; /* argument of `duty` */
  uint64_t time_us;  /* argument of `on` and `duty`, 0 if none was given */
};

/* Returns NULL, or the text of the error. Splits `text` in place. */
const char *parse_command(char *text, struct command *command);

/* pins.c: access to GPIO and PWM through the kernel. */

enum failure { OK, MISSING, BUSY, DENIED, GONE, FAILED };

struct pin {
  int fd;        /* the line, the value file, or `enable` of the PWM channel; -1 if closed */
  int duty_fd;   /* `duty_cycle` of the PWM channel; -1 if this is no PWM channel */
  bool device;   /* a line of the character device; poll reports its edges and the removal of its chip */
  bool low_file; /* a value file for which 0 is on */
  uint32_t seen, lost; /* number of the last edge; edges dropped since the last reported one, as the buffer was full */
};

enum { WHY_SIZE = 320 };

/* Opens a pin and drives an output off. On failure, `why` receives the reason. */
enum failure pin_take(struct pin *pin, const struct command *command, char why[WHY_SIZE]);
/* Turns a pin on or off. A PWM channel sends pulses of `pulse_ns`. */
enum failure pin_drive(struct pin *pin, bool on, uint64_t pulse_ns);
/* Returns 1 or 0, or -1 if the pin cannot be read. */
int pin_level(struct pin *pin);

struct edge {
  uint64_t at_ns;
  bool active;
  uint32_t missed;
};

/* Reads up to `most` edges, at most 16. Returns their number, or -1 if the chip is gone. */
int pin_edges(struct pin *pin, struct edge *edges, int most);
/* Closes a pin. The kernel decides whether a released line keeps its level. */
void pin_drop(struct pin *pin);

/* out.c: a buffer of lines for standard output. */

enum { OUT_SIZE = 65536 };

/* Adds an event. Returns false if half of the buffer is full. The other half is reserved for answers. */
__attribute__((format(printf, 1, 2))) bool say(const char *format, ...);
/* Adds a line that must not be lost. If the buffer is full, the caller counts as gone, and write_out returns false. */
__attribute__((format(printf, 1, 2))) void answer(const char *format, ...);
bool is_to_write(void);
/* Writes as much as fits without waiting. Returns false if the caller no longer reads. */
bool write_out(void);

/* rules.c: when an output may go on, and when it goes off. */

struct line {
  bool used, output, on, stuck;
  char name[NAME_SIZE];
  struct pin pin;
  uint64_t bound_ns, rest_ns, lease_ns, min_ns, max_ns; /* min and max: length of a PWM pulse */
  char group[NAME_SIZE];
  char guards[GUARDS][NAME_SIZE];
  unsigned guard_count;
  uint64_t on_at_ns, off_at_ns, end_ns, bound_end_ns, lease_end_ns;
};

struct board {
  struct line lines[LINES];
};

struct line *find_line(struct board *board, const char *name);
/* Returns NULL, or the code and text of the refusal, for example "refused it rests". */
const char *turn_on(struct board *board, struct line *line, uint64_t pulse_ns, uint64_t time_ns, uint64_t now_ns);
void turn_off(struct line *line, const char *reason, uint64_t now_ns);
void all_off(struct board *board, const char *reason, uint64_t now_ns);
void renew(struct board *board, uint64_t now_ns);
/* Turns off all outputs whose time is over. Returns the next time at which one is over, or 0 if nothing is on. */
uint64_t end_what_is_over(struct board *board, uint64_t now_ns);
/* Turns off all outputs that this input guards. */
void guard_is_active(struct board *board, const char *guard, uint64_t now_ns);
/* Reports `gone`, closes the pin and frees the name. */
void lose_line(struct line *line);

/* list.c: prints the chips, lines and PWM chips of this machine on standard output, for people and `sortbin doctor`. */

void list_all(void);

#endif
