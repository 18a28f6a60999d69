import type { Clock } from '../../kit/clock.js';
import type { Answer } from '../../kit/errors.js';
import type { Input, InputRules, LineFault, Lines } from '../lines/lines.js';
import type { GateFault } from './gate.js';

/** The route into one compartment. Each kind of gate extends it. */
export interface Route {
  /** The switch that becomes active in the compartment's position. Without it, the move is timed. */
  readonly end?: InputRules;
}

/**
 * The part of a gate that depends on its actuator. `moveTo` and `returnHome` return false if the gate does not reach
 * the position in time. Both leave the actuator off.
 */
export interface Drive<R extends Route> {
  /** Requests the actuator's lines once. */
  open(): Promise<Answer<unknown, LineFault>>;
  /** Resolves when the actuator may be energised again. */
  waitForRest(compartment: string, signal: AbortSignal): Promise<void>;
  moveTo(
    compartment: string,
    route: R,
    endSwitch: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>>;
  /** Returns home from `route`. If `route` is null, the position is unknown. */
  returnHome(
    route: R | null,
    homeSwitch: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>>;
}

export interface GateRules<R extends Route> {
  readonly lines: Lines;
  readonly clock: Clock;
  readonly compartments: ReadonlyMap<string, R>;
  /** Compartments that items fall into while the gate stays at home. */
  readonly passive: readonly string[];
  /** The switch that is active at home. */
  readonly home?: InputRules;
  /** The time in which the home switch must become active. */
  readonly homeMs: number;
  /** The number of repetitions of a jammed move. Everything is off for `backOffMs` before each one. */
  readonly retries: number;
  readonly backOffMs: number;
  /** Inputs that block all movement while one of them is active. Their owner has requested them. */
  readonly guards: readonly Input[];
}

/** Lines by name. Each is requested once. A failed request is repeated at the next call. */
export class LazyLines<Line> {
  readonly #requests = new Map<string, Promise<Answer<Line, LineFault>>>();

  get(name: string, request: () => Promise<Answer<Line, LineFault>>): Promise<Answer<Line, LineFault>> {
    const earlier = this.#requests.get(name);
    if (earlier) return earlier;
    const requested = request();
    this.#requests.set(name, requested);
    const forget = () => this.#requests.delete(name);
    requested.then((answer) => answer.ok || forget(), forget);
    return requested;
  }
}
