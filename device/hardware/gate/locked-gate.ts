import { type Answer, done } from '../../kit/errors.js';
import { ExclusiveTask } from './exclusive-task.js';
import type { Gate, GateFault, Move } from './gate.js';

/** A gate with a lock. While it is locked, nothing moves it: hands may be in the bin. */
export class LockedGate implements Gate {
  readonly #task = new ExclusiveTask();
  #lock: { readonly reason: string } | null = null;

  constructor(private readonly gate: Gate) {}

  /** The reason of the lock, or null if the gate is unlocked. */
  get lockReason(): string | null {
    return this.#lock?.reason ?? null;
  }

  async move(compartment: string, signal: AbortSignal): Promise<Answer<Move, GateFault>> {
    signal.throwIfAborted();
    const task = (inner: AbortSignal) => this.gate.move(compartment, inner);
    return this.#locked() ?? this.#task.run(compartment, task, signal);
  }

  async home(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    signal.throwIfAborted();
    return this.#locked() ?? this.#returnHome(signal);
  }

  /** De-energises the gate, locked or not. */
  safe(): Promise<void> {
    return this.gate.safe();
  }

  /** Refuses every move from now on as `gate-locked`, and cancels a running one. Resolves when nothing moves. */
  async lock(reason: string): Promise<void> {
    this.#lock = { reason };
    await this.#task.cancel(lockedFault(reason));
  }

  /** Returns home and then unlocks. If the gate does not reach home, it stays locked. */
  async unlock(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    const lock = this.#lock;
    if (!lock) return done(undefined);
    const answer = await this.#returnHome(signal);
    // A lock that was set during the return stays.
    if (answer.ok && this.#lock === lock) this.#lock = null;
    return answer;
  }

  #returnHome(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    return this.#task.preempt((inner) => this.gate.home(inner), signal);
  }

  #locked(): Answer<never, GateFault> | null {
    return this.#lock && { ok: false, fault: lockedFault(this.#lock.reason) };
  }
}

const lockedFault = (reason: string) =>
  ({ code: 'gate-locked', message: `gate: locked (${reason}). Unlock it to move it.` }) as const;
