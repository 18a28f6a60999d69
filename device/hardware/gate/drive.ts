import type { Clock } from '../../kit/clock.js';
import type { Answer } from '../../kit/errors.js';
import type { Input, InputRules, LineFault, Lines } from '../lines/lines.js';
import type { GateFault } from './gate.js';

/** The way into one compartment, as far as each kind of gate has it. */
export interface Route {
  /** The switch that is active once the gate is there; without one the time says it. */
  readonly end?: InputRules;
}

/** What one kind of gate does its own way. Of `out` and `back`, false: not there in time. All leave it off. */
export interface Drive<W extends Route> {
  /** Requests the lines that it drives, once. */
  open(): Promise<Answer<unknown, LineFault>>;
  /** Resolves once it may be energised again. */
  waitForRest(compartment: string, signal: AbortSignal): Promise<void>;
  moveTo(
    compartment: string,
    way: W,
    end: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>>;
  /** Comes home after `way`, or from wherever it is. */
  returnHome(way: W | null, home: Input | null, signal: AbortSignal): Promise<Answer<boolean, GateFault>>;
}

export interface GateRules<W extends Route> {
  readonly lines: Lines;
  readonly clock: Clock;
  readonly compartments: ReadonlyMap<string, W>;
  /** The compartments into which things fall by themselves: the gate stays at home. */
  readonly passive: readonly string[];
  /** The switch that is active at home. */
  readonly home?: InputRules;
  /** In this time the home switch has to become active. */
  readonly homeMs: number;
  /** How many more times a jammed move is tried, each after a pause of `backOffMs` with everything off. */
  readonly retries: number;
  readonly backOffMs: number;
  /** Inputs that their owner has requested: while one is active nothing moves. */
  readonly guards: readonly Input[];
}

/** Lines by their names, requested once: one that could not be had is asked for again the next time. */
export class LazyLines<Line> {
  readonly #asked = new Map<string, Promise<Answer<Line, LineFault>>>();

  get(name: string, request: () => Promise<Answer<Line, LineFault>>): Promise<Answer<Line, LineFault>> {
    const before = this.#asked.get(name);
    if (before) return before;
    const asked = request();
    this.#asked.set(name, asked);
    const forget = () => this.#asked.delete(name);
    asked.then((answer) => answer.ok || forget(), forget);
    return asked;
  }
}
