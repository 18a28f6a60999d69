import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { sleep, withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import type { Backoff } from './backoff.js';
import type { Outbox } from './mqtt.js';

/** How long an answer of the outbox may take. */
export const OUTBOX_DEADLINE_MS = 30_000;

/**
 * Takes out of the outbox what the broker has acknowledged: one call at a time, with everything that has come in
 * meanwhile; again, with back-off, where the outbox fails. Outlives connections, so that such rows are not sent again.
 */
export class Acknowledger {
  readonly #seqs = new Set<number>();
  readonly #closing = new AbortController();
  #work: Promise<void> | null = null;

  constructor(
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly backoff: Backoff,
    private readonly log: Logger,
    private readonly onErased: () => void,
  ) {}

  /** Acknowledged by the broker and still in the outbox. */
  get size(): number {
    return this.#seqs.size;
  }

  has(seq: number): boolean {
    return this.#seqs.has(seq);
  }

  add(seq: number): void {
    this.#seqs.add(seq);
    this.#work ??= this.#run();
  }

  /** Gives what is under way `deadlineMs` to end; what is not erased then will be sent again, some day. */
  async close(deadlineMs: number): Promise<void> {
    await withDeadline(this.clock, deadlineMs, async () => this.#work).catch(() => {});
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#seqs.size > 0 && !signal.aborted) {
      const batch = [...this.#seqs];
      try {
        await withDeadline(this.clock, OUTBOX_DEADLINE_MS, () => this.outbox.acknowledge(batch), signal);
        for (const seq of batch) this.#seqs.delete(seq);
        this.backoff.reset();
        this.onErased();
      } catch (thrown) {
        if (signal.aborted) break;
        const delayMs = Math.round(this.backoff.nextMs());
        this.log.error(
          { count: batch.length, delayMs },
          `outbox does not take acknowledgements: ${messageOf(thrown)}; trying again`,
        );
        await sleep(this.clock, delayMs, signal).catch(() => {});
      }
    }
    // In the same breath as the last look at the set: what is added from here on starts the work anew.
    this.#work = null;
  }
}
