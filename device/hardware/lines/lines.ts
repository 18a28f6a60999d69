import type { Answer } from '../../kit/errors.js';
import type { HealthSource } from '../../kit/health.js';

/**
 * A line of a GPIO chip: the label or name of the chip (`pinctrl-bcm2711`, `gpiochip0`) with the offset of the line,
 * or the name of the line.
 */
export type LineRef = { readonly chip: string; readonly offset: number } | { readonly line: string };

/** A channel of a PWM chip. `chip` is its number or the name of its device (`0`, `1f00098000.pwm`). */
export interface PwmRef {
  readonly chip: string;
  readonly channel: number;
}

export type Bias = 'as-is' | 'pull-up' | 'pull-down' | 'disabled';

export interface InputRules {
  readonly at: LineRef;
  readonly bias: Bias;
  /** True if the low level is active. */
  readonly activeLow: boolean;
  /** The kernel reports a level only after it was steady for this time. 0 reports every edge. */
  readonly debounceMs: number;
}

/** Limits of an output. The driver enforces them even if the daemon hangs or crashes. */
export interface OutputRules {
  readonly at: LineRef;
  /** True if the low level turns the output on. */
  readonly activeLow: boolean;
  /** Maximum on-time. */
  readonly maxOnMs: number;
  /** Minimum time between going off and going on again. */
  readonly minOffMs: number;
  /** At most one output of a group is on at a time. */
  readonly group: string | null;
  /** Names of inputs. The output stays off while one of them is active. */
  readonly guards: readonly string[];
}

/** Limits of a servo's PWM channel. The pulse length sets the angle of the servo. */
export interface PwmRules {
  readonly at: PwmRef;
  readonly periodUs: number;
  readonly minPulseUs: number;
  readonly maxPulseUs: number;
  /** Maximum on-time. */
  readonly maxOnMs: number;
  /** Names of inputs. The channel stays off while one of them is active. */
  readonly guards: readonly string[];
}

/**
 * - `line-missing`: the chip or line does not exist.
 * - `line-busy`: another process holds the line.
 * - `line-denied`: no permission.
 * - `line-gone`: the chip was unplugged.
 * - `line-refused`: the rules forbid the request now.
 * - `line-guarded`: a guard is active.
 * - `line-unsupported`: this driver cannot do it.
 * - `lines-down`: the driver of the lines stopped or does not answer.
 */
export type LineFault =
  | 'line-missing'
  | 'line-busy'
  | 'line-denied'
  | 'line-gone'
  | 'line-refused'
  | 'line-guarded'
  | 'line-unsupported'
  | 'lines-down';

export interface Edge {
  /** True if the input became active, false if it became inactive. */
  readonly active: boolean;
  /** Nanoseconds of CLOCK_MONOTONIC, from the kernel. The driver takes the time if the kernel gives none. */
  readonly atNs: bigint;
  /** Number of edges lost before this one. */
  readonly missed: number;
}

/**
 * Why an output went off.
 * - `command`: the caller aborted it, or turned all outputs off.
 * - `time`: the requested time ended.
 * - `bound`: the maximum on-time expired.
 * - `lease`: the daemon did not renew the lease.
 * - `guard`: a guard became active.
 * - `gone`: the chip was unplugged.
 * - `down`: the driver of the lines stopped.
 */
export type OffReason = 'command' | 'time' | 'bound' | 'lease' | 'guard' | 'gone' | 'down';

export interface Off {
  readonly reason: OffReason;
  readonly atNs: bigint;
}

export interface Input {
  readonly name: string;
  /** Reads whether the input is active. */
  active(): Promise<Answer<boolean, LineFault>>;
  /** Calls `listener` for each edge. Returns a function that removes the listener. */
  onEdge(listener: (edge: Edge) => void): () => void;
}

export interface Output {
  readonly name: string;
  /**
   * Turns the output on for `onMs`, at most for the maximum on-time. An abort turns it off early.
   * Resolves when the output is off, with the reason.
   */
  pulse(onMs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>>;
  /**
   * Turns the output on until `signal` aborts, at most for the maximum on-time. Renews its lease meanwhile.
   * Resolves when the output is off, with the reason.
   */
  hold(signal: AbortSignal): Promise<Answer<Off, LineFault>>;
}

export interface Pwm {
  readonly name: string;
  /**
   * Sends pulses of this length until `signal` aborts, at most for the maximum on-time.
   * Resolves when the pulses have stopped, with the reason.
   */
  drive(pulseUs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>>;
}

/**
 * The GPIO lines and PWM channels of this machine. Each name (`gate-paper`) is requested once. Messages contain it, and
 * it is the detail of each fault of that line. The health is the fault of the driver, or of a lost line.
 */
export interface Lines extends HealthSource<LineFault> {
  /**
   * Starts the driver. If `signal` is aborted, the start ends at once.
   * @throws SortbinError if the driver cannot work on this machine; the signal's reason
   */
  start(signal: AbortSignal): Promise<void>;
  input(name: string, rules: InputRules): Promise<Answer<Input, LineFault>>;
  output(name: string, rules: OutputRules): Promise<Answer<Output, LineFault>>;
  pwm(name: string, rules: PwmRules): Promise<Answer<Pwm, LineFault>>;
  /** Turns all outputs off at once. Pending pulses and holds resolve. Never rejects. */
  safe(): Promise<void>;
  close(): Promise<void>;
}
