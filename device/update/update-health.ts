import type { Fault } from '../kit/errors.js';
import { type HealthListener, HealthReporter, type HealthSource } from '../kit/health.js';
import type { Report } from './state.js';
import type { UpdateFault } from './status.js';

/** What can have a fault, the worst first: state and pointers on the disk, the repository, the last attempt to update. */
const SOURCES = ['state', 'pointers', 'repository', 'attempt'] as const;
type Source = (typeof SOURCES)[number];

/** The fault of updates: that of the first source that has one. */
export class UpdateHealth implements HealthSource<UpdateFault> {
  readonly #reporter = new HealthReporter<UpdateFault>();
  readonly #faults: Partial<Record<Source, Fault<UpdateFault> | null>> = {};

  onHealth(listener: HealthListener<UpdateFault>): void {
    this.#reporter.onHealth(listener);
  }

  /** The present fault; null: none. */
  get fault(): Fault<UpdateFault> | null {
    return this.#reporter.fault;
  }

  set(source: Source, fault: Fault<UpdateFault> | null): void {
    this.#faults[source] = fault;
    this.#reporter.set(SOURCES.map((one) => this.#faults[one]).find(Boolean) ?? null);
  }

  /** The state or the pointers were not written; null: they were. */
  setDisk(source: 'state' | 'pointers', message: string | null): void {
    this.set(source, message === null ? null : { code: 'update-failed', message: `update: ${message}` });
  }

  /** An attempt that failed is a fault until another one succeeds. A bundle that was rejected or revoked is none. */
  setAttempt({ event, code, reason }: Report): void {
    const isFault = event === 'failed' && code !== null && code !== 'update-revoked';
    this.set('attempt', isFault ? { code: code as UpdateFault, message: `update: ${reason}` } : null);
  }
}
