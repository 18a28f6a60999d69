import type { LockedGate } from '../hardware/gate/locked-gate.js';
import type { Input } from '../hardware/lines/lines.js';
import type { Clock } from '../kit/clock.js';
import { sleep, withDeadline } from '../kit/deadline.js';
import { type Answer, failed, messageOf } from '../kit/errors.js';
import { HealthReporter } from '../kit/health.js';
import type { Service } from '../kit/service.js';

export interface ServiceSwitchOptions {
  /** null: the bin has no service switch. */
  readonly input: Input | null;
  readonly gate: LockedGate;
  readonly clock: Clock;
  readonly onLocked: (locked: boolean) => void;
}

/** Deadline for the gate to come home after it is unlocked, and pause before the next try. */
const UNLOCK_MS = 10_000;
const UNLOCK_AGAIN_MS = 2_000;

/** Locks the gate while the service switch is on. */
export class ServiceSwitch implements Service {
  readonly name = 'service switch';
  /** The fault of the gate that does not come home after it is unlocked. */
  readonly health = new HealthReporter();
  #changing = new AbortController();
  #unsubscribe = () => {};
  #isStopped = false;

  constructor(private readonly options: ServiceSwitchOptions) {}

  /** Locks the gate if the switch is on. A switch that cannot be read counts as on. */
  async start(): Promise<void> {
    const { input } = this.options;
    if (!input) return;
    this.#unsubscribe = input.onEdge(({ active }) => void this.#set(active));
    const level = await input.active();
    await this.#set(!level.ok || level.value);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unsubscribe();
    this.#changing.abort();
  }

  async #set(locked: boolean): Promise<void> {
    if (this.#isStopped) return;
    const { gate, onLocked } = this.options;
    this.#changing.abort();
    this.#changing = new AbortController();
    const { signal } = this.#changing;
    if (locked) await gate.lock('the service switch is on');
    else await this.#unlock(signal).catch(() => {});
    if (!signal.aborted) onLocked(gate.lockReason !== null);
  }

  /** Retries until the gate is home: the lid may still be open. Rejects if the signal is aborted. */
  async #unlock(signal: AbortSignal): Promise<void> {
    const { gate, clock } = this.options;
    while (true) {
      const home = (inner: AbortSignal) => gate.unlock(inner);
      const answer = await withDeadline(clock, UNLOCK_MS, home, signal).catch((error): Answer<void> => {
        signal.throwIfAborted();
        return failed('gate-timeout', messageOf(error));
      });
      this.health.set(answer.ok ? null : answer.fault);
      if (answer.ok) return;
      await sleep(clock, UNLOCK_AGAIN_MS, signal);
    }
  }
}
