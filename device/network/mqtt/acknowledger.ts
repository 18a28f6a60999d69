import type { Logger } from 'pino';
import type { EventKey } from '../../journal/journal.js';
import type { Backoff } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import { sleep, withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import type { Outbox } from './mqtt.js';

/** Deadline for each call of the outbox. */
export const OUTBOX_DEADLINE_MS = 30_000;

/**
 * Removes acknowledged events from the outbox, one call at a time. Each call waits for the disk, and the events that arrive
 * meanwhile are the next batch. If the outbox fails, it retries with back-off. It outlives connections, so that acknowledged
 * events are not sent again.
 */
export class Acknowledger {
  /** By text, because two equal keys are two objects. */
  readonly #events = new Map<string, EventKey>();
  readonly #closing = new AbortController();
  #work: Promise<void> | null = null;

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

  add(event: EventKey): void {
    this.#events.set(textOf(event), event);
    this.#work ??= this.#run();
  }

  /** Waits up to `deadlineMs` for the current work. Events that remain are sent again in a later run. */
  async close(deadlineMs: number): Promise<void> {
    await withDeadline(this.clock, deadlineMs, async () => this.#work).catch(() => {});
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#events.size > 0 && !signal.aborted) {
      const batch = [...this.#events.values()];
      try {
        await withDeadline(this.clock, OUTBOX_DEADLINE_MS, () => this.outbox.acknowledge(batch), signal);
        for (const event of batch) this.#events.delete(textOf(event));
        this.backoff.reset();
        this.onErased();
      } catch (thrown) {
        if (signal.aborted) break;
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
