import type { LockedGate } from '../hardware/gate/locked-gate.js';
import type { Clock } from '../kit/clock.js';
import { sleep, withDeadline } from '../kit/deadline.js';
import { type Answer, failed, messageOf } from '../kit/errors.js';
import { HealthReporter } from '../kit/health.js';
import type { Service } from '../kit/service.js';

export interface GateLockOptions {
  readonly gate: LockedGate;
  readonly clock: Clock;
  readonly onLocked: (locked: boolean) => void;
}

/** Deadline for the gate to come home after it is unlocked, and pause before the next try. */
const UNLOCK_MS = 10_000;
const UNLOCK_AGAIN_MS = 2_000;

/** The lock of the gate, for several reasons. It is unlocked when none of them is left. */
export class GateLock implements Service {
  readonly name = 'gate lock';
  /** The fault of the gate that does not come home after it is unlocked. */
  readonly health = new HealthReporter();
  readonly #reasons = new Set<string>();
  #changing = new AbortController();
  #isStopped = false;

  constructor(private readonly options: GateLockOptions) {}

  async start(): Promise<void> {}

  /** A gate that is not home yet stays locked. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#changing.abort();
  }

  /** Adds or removes a reason. Resolves when the gate is locked, or is home and unlocked, or another change began. */
  async set(reason: string, isLocked: boolean): Promise<void> {
    if (this.#isStopped) return;
    if (isLocked) this.#reasons.add(reason);
    else this.#reasons.delete(reason);
    const { gate, onLocked } = this.options;
    this.#changing.abort();
    this.#changing = new AbortController();
    const { signal } = this.#changing;
    if (this.#reasons.size > 0) await gate.lock([...this.#reasons].join(', '));
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
