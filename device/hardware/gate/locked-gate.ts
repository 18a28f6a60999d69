import { type Answer, done } from '../../kit/errors.js';
import { ExclusiveTask } from './exclusive-task.js';
import type { Gate, GateFault, Move } from './gate.js';

/** A gate that can be locked: while somebody's hands are in the bin it does not move, whoever asks. */
export class LockedGate implements Gate {
  readonly #works = new ExclusiveTask();
  #lock: { readonly reason: string } | null = null;

  constructor(private readonly gate: Gate) {}

  /** Why it is locked; null: it is not. */
  get lockReason(): string | null {
    return this.#lock?.reason ?? null;
  }

  async move(compartment: string, signal: AbortSignal): Promise<Answer<Move, GateFault>> {
    signal.throwIfAborted();
    const work = (inner: AbortSignal) => this.gate.move(compartment, inner);
    return this.#locked() ?? this.#works.run(`"${compartment}"`, work, signal);
  }

  async home(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    signal.throwIfAborted();
    return this.#locked() ?? this.#comeHome(signal);
  }

  /** Needs no lock's leave. */
  safe(): Promise<void> {
    return this.gate.safe();
  }

  /** Stops what moves; resolves once nothing does. From the call on every move is refused as `gate-locked`. */
  async lock(reason: string): Promise<void> {
    this.#lock = { reason };
    await this.#works.end(lockedFault(reason));
  }

  /** Comes home; once it is there it is unlocked, and else it stays locked. */
  async unlock(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    const lock = this.#lock;
    if (!lock) return done(undefined);
    const answer = await this.#comeHome(signal);
    // Whoever locked it meanwhile has to be asked for.
    if (answer.ok && this.#lock === lock) this.#lock = null;
    return answer;
  }

  #comeHome(signal: AbortSignal): Promise<Answer<void, GateFault>> {
    return this.#works.preempt('coming home', (inner) => this.gate.home(inner), signal);
  }

  #locked(): Answer<never, GateFault> | null {
    return this.#lock && { ok: false, fault: lockedFault(this.#lock.reason) };
  }
}

const lockedFault = (reason: string) =>
  ({ code: 'gate-locked', message: `the gate is locked: ${reason}; unlock it to move it` }) as const;
