import type { Clock } from '../kit/clock.js';
import { sleep, untilAborted } from '../kit/deadline.js';
import { type Answer, done, failed } from '../kit/errors.js';
import type { Gate, GateFault, Move } from './gate.js';

/** How one move goes. */
export type GateStep =
  | { readonly moveMs: number }
  | { readonly fault: 'gate-jammed' | 'gate-failed' }
  | { readonly hang: true };

export interface SimulatedGateOptions {
  /** One step a move, from the start again at its end; empty: each move takes `moveMs`. */
  readonly script: readonly GateStep[];
  readonly moveMs: number;
  readonly clock: Clock;
}

/** A gate of air: it takes its time, jams and hangs as its script says. */
export class SimulatedGate implements Gate {
  #moves = 0;
  #moving = false;
  #energised = false;

  constructor(private readonly options: SimulatedGateOptions) {}

  /** Whether the motor is on at this moment. */
  get energised(): boolean {
    return this.#energised;
  }

  async move(compartment: string, signal: AbortSignal): Promise<Answer<Move, GateFault>> {
    signal.throwIfAborted();
    if (this.#moving) return failed('gate-busy', `the gate is moving; "${compartment}" has to wait for it`);
    const { script, moveMs, clock } = this.options;
    const step = script[this.#moves++ % Math.max(1, script.length)] ?? { moveMs };
    const commandedAtMs = clock.monotonicMs();
    this.#moving = true;
    this.#energised = true;
    try {
      if ('hang' in step) await untilAborted(signal);
      else await sleep(clock, 'moveMs' in step ? step.moveMs : moveMs, signal);
      if ('fault' in step) return failed(step.fault, `the simulated gate was told to answer ${step.fault}`);
      return done({ commandedAtMs, homeAtMs: clock.monotonicMs() });
    } finally {
      this.#moving = false;
      this.#energised = false;
    }
  }

  async home(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    signal.throwIfAborted();
    this.#energised = false;
    return done(undefined);
  }

  async safe(): Promise<void> {
    this.#energised = false;
  }
}
