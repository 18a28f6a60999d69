import type { Logger } from 'pino';
import type { EventKey } from '../../journal/journal.js';
import type { Backoff } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import { sleep, withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import type { Outbox } from './mqtt.js';

/** Deadline for each call of the outbox. */
export const OUTBOX_DEADLINE_MS = 30_000;

/** Events of one transaction while more arrive. Each transaction waits for the disk. */
const BATCH = 64;

/**
 * Removes acknowledged events from the outbox, in batches, one call at a time. If the outbox fails, it retries with
 * back-off. It outlives connections, so that acknowledged events are not sent again.
 */
export class Acknowledger {
  /** By text, because two equal keys are two objects. */
  readonly #events = new Map<string, EventKey>();
  readonly #closing = new AbortController();
  #work: Promise<void> | null = null;
  #mustFlush = false;

  constructor(
    private readonly outbox: Outbox,
    private readonly clock: Clock,
    private readonly backoff: Backoff,
    private readonly log: Logger,
    private readonly onErased: () => void,
  ) {}

  /** Number of events that the broker has acknowledged and that are still in the outbox. */
  get size(): number {
    return this.#events.size;
  }

  has(event: EventKey): boolean {
    return this.#events.has(textOf(event));
  }

  /** `isLast`: no further acknowledgement is expected soon. Otherwise the event waits for a full batch. */
  add(event: EventKey, isLast: boolean): void {
    this.#events.set(textOf(event), event);
    if (isLast || this.#events.size >= BATCH) this.flush();
  }

  /** Removes all acknowledged events now. */
  flush(): void {
    if (this.#events.size === 0) return;
    this.#mustFlush = true;
    this.#work ??= this.#run();
  }

  /** Waits up to `deadlineMs` for the current work. Events that remain are sent again in a later run. */
  async close(deadlineMs: number): Promise<void> {
    await withDeadline(this.clock, deadlineMs, async () => this.#work).catch(() => {});
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#mustFlush && this.#events.size > 0 && !signal.aborted) {
      this.#mustFlush = false;
      const batch = [...this.#events.values()];
      try {
        await withDeadline(this.clock, OUTBOX_DEADLINE_MS, () => this.outbox.acknowledge(batch), signal);
        for (const event of batch) this.#events.delete(textOf(event));
        this.#mustFlush ||= this.#events.size >= BATCH;
        this.backoff.reset();
        this.onErased();
      } catch (thrown) {
        if (signal.aborted) break;
        this.#mustFlush = true;
        const delayMs = Math.round(this.backoff.nextMs());
        this.log.error(
          { part: 'outbox', count: batch.length, delayMs },
          `failed to remove acknowledged events from the outbox: ${messageOf(thrown)}`,
        );
        await sleep(this.clock, delayMs, signal).catch(() => {});
      }
    }
    // No `await` between the last check of the map and this line: a later `add` starts the work again.
    this.#work = null;
  }
}

const textOf = ({ epoch, seq }: EventKey): string => `${epoch}/${seq}`;
