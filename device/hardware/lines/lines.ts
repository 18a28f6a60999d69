import type { Answer } from '../../kit/errors.js';

/** A line of a GPIO chip: by the chip's label or name (`pinctrl-bcm2711`, `gpiochip0`) and offset, or by its own name. */
export type LineRef = { readonly chip: string; readonly offset: number } | { readonly line: string };

/** A channel of a PWM chip, by its number or the name of its device (`0`, `1f00098000.pwm`). */
export interface PwmRef {
  readonly chip: string;
  readonly channel: number;
}

export type Bias = 'as-is' | 'pull-up' | 'pull-down' | 'disabled';

export interface InputRules {
  readonly at: LineRef;
  readonly bias: Bias;
  /** The low level counts as active. */
  readonly activeLow: boolean;
  /** By the kernel: the level must have been steady for so long; 0: every edge counts. */
  readonly debounceMs: number;
}

/** What an output may do; whoever drives it holds to it, whatever becomes of the daemon. */
export interface OutputRules {
  readonly at: LineRef;
  /** The low level is on. */
  readonly activeLow: boolean;
  /** It never stays on longer. */
  readonly maxOnMs: number;
  /** After it went off it stays off for so long. */
  readonly minOffMs: number;
  /** Of the outputs of one group at most one is on. */
  readonly group: string | null;
  /** While one of these inputs is active, it cannot be on. */
  readonly guards: readonly string[];
}

/** A servo's line: a pulse each period, whose length says the angle. */
export interface PwmRules {
  readonly at: PwmRef;
  readonly periodUs: number;
  /** No shorter and no longer pulse is ever given. */
  readonly minPulseUs: number;
  readonly maxPulseUs: number;
  readonly maxOnMs: number;
  readonly guards: readonly string[];
}

/**
 * `line-missing`: no such chip or line; `line-busy`: somebody else holds it; `line-denied`: no permission;
 * `line-gone`: its chip was unplugged; `line-refused`: the rules forbid it now; `line-guarded`: a guard is active;
 * `line-unsupported`: this driver cannot do that; `lines-down`: what drives the lines died or does not answer.
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
  /** It became active; else it became inactive. */
  readonly active: boolean;
  /** Monotonic nanoseconds of the kernel, or of the driver where that has none. */
  readonly atNs: bigint;
  /** Edges that were lost before this one. */
  readonly missed: number;
}

/** Why an output went off: the last six without being asked. */
export type OffReason = 'command' | 'time' | 'bound' | 'lease' | 'guard' | 'gone' | 'down';

export interface Off {
  readonly reason: OffReason;
  readonly atNs: bigint;
}

export interface Input {
  readonly name: string;
  /** Whether it is active at this moment. */
  active(): Promise<Answer<boolean, LineFault>>;
  /** Has `listener` told of each edge; the returned function ends that. */
  onEdge(listener: (edge: Edge) => void): () => void;
}

export interface Output {
  readonly name: string;
  /** On for so long, at most `maxOnMs`; resolves once it is off again, with the reason. Aborting turns it off. */
  pulse(onMs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>>;
  /** On until `signal` is aborted, by a lease that is renewed meanwhile, `maxOnMs` at most; resolves once it is off. */
  hold(signal: AbortSignal): Promise<Answer<Off, LineFault>>;
}

export interface Pwm {
  readonly name: string;
  /** Gives pulses of this length until `signal` is aborted, `maxOnMs` at most; then none. Resolves once there are none. */
  drive(pulseUs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>>;
}

/** The lines of this machine. A name is the bin's own (`gate-paper`), given once, and stands in every message. */
export interface Lines {
  /** @throws SortbinError where the driver cannot work on this machine at all */
  start(): Promise<void>;
  input(name: string, rules: InputRules): Promise<Answer<Input, LineFault>>;
  output(name: string, rules: OutputRules): Promise<Answer<Output, LineFault>>;
  pwm(name: string, rules: PwmRules): Promise<Answer<Pwm, LineFault>>;
  /** All outputs off, at once; pending pulses and holds resolve. Never rejects. */
  safe(): Promise<void>;
  /** Has `listener` told when what drives the lines is down or a line is gone, and when it is back. */
  onHealth(listener: (fault: { readonly code: LineFault; readonly message: string } | null) => void): void;
  close(): Promise<void>;
}
