import type { Clock } from '../../kit/clock.js';
import { sleep, untilAborted } from '../../kit/deadline.js';
import { type Answer, done, failed } from '../../kit/errors.js';
import { ExclusiveTask } from './exclusive-task.js';
import type { Gate, GateFault, Move } from './gate.js';

/** The course of one simulated move. */
export type GateStep =
  | { readonly moveMs: number }
  | { readonly fault: 'gate-jammed' | 'gate-failed' }
  | { readonly hang: true };

export interface SimulatedGateOptions {
  /** One step per move, repeated from the start. If it is empty, each move takes `moveMs`. */
  readonly script: readonly GateStep[];
  readonly moveMs: number;
  readonly clock: Clock;
}

/** A gate without hardware. Its script sets when it takes time, jams or hangs. */
export class SimulatedGate implements Gate {
  readonly #task = new ExclusiveTask();
  #moves = 0;
  #energised = false;

  constructor(private readonly options: SimulatedGateOptions) {}

  get energised(): boolean {
    return this.#energised;
  }

  move(compartment: string, signal: AbortSignal): Promise<Answer<Move, GateFault>> {
    return this.#task.run(compartment, (inner) => this.#move(inner), signal);
  }

  home(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    return this.#task.preempt(async () => done(undefined), signal);
  }

  safe(): Promise<void> {
    return this.#task.close();
  }

  async #move(signal: AbortSignal): Promise<Answer<Move, GateFault>> {
    const { script, moveMs, clock } = this.options;
    const step = script[this.#moves++ % Math.max(1, script.length)] ?? { moveMs };
    const commandedAtMs = clock.monotonicMs();
    this.#energised = true;
    try {
      if ('hang' in step) await untilAborted(signal);
      else await sleep(clock, 'moveMs' in step ? step.moveMs : moveMs, signal);
      if ('fault' in step) return failed(step.fault, `gate.script: this step returns ${step.fault}`);
      return done({ commandedAtMs, homeAtMs: clock.monotonicMs() });
    } finally {
      this.#energised = false;
    }
  }
}
