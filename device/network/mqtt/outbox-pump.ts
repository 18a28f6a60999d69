import type { Logger } from 'pino';
import type { PendingEvent } from '../../journal/journal.js';
import type { Clock } from '../../kit/clock.js';
import { sleep, withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { type Acknowledger, OUTBOX_DEADLINE_MS } from './acknowledger.js';
import { AutoResetEvent } from './auto-reset-event.js';
import type { Backoff } from './backoff.js';
import type { Connection } from './connection.js';
import { ConnectionError } from './connection-error.js';
import { makeIntervals } from './interval.js';
import type { Outbox } from './mqtt.js';
import type { Delivery } from './topic.js';

export interface OutboxPumpOptions {
  readonly topic: string;
  readonly delivery: Delivery;
  /** Rows that were read and are not yet out of the outbox, at most. */
  readonly window: number;
  readonly pubackDeadlineMs: number;
  /** A look at the outbox without having been notified. */
  readonly safetyCheckMs: number;
}

/**
 * Moves events from the outbox to one connection: in order from the oldest, a window of them at a time. It forgets
 * everything with its connection, since what is not acknowledged is still in the outbox.
 */
export class OutboxPump {
  readonly #bell = new AutoResetEvent();
  #afterSeq = 0;
  #unacknowledged = 0;
  #maybeMore = true;

  constructor(
    private readonly connection: Connection,
    private readonly outbox: Outbox,
    private readonly acknowledger: Acknowledger,
    private readonly options: OutboxPumpOptions,
    private readonly clock: Clock,
    private readonly backoff: Backoff,
    private readonly log: Logger,
  ) {}

  /** The outbox has grown. */
  notify(): void {
    this.#maybeMore = true;
    this.#bell.set();
  }

  /** Rows have left the outbox: the window has moved. */
  wake(): void {
    this.#bell.set();
  }

  /** Ends only by throwing the signal's reason. A message that fails drops the connection. */
  async run(signal: AbortSignal): Promise<never> {
    const intervals = makeIntervals(this.clock);
    const safetyCheck = intervals.set(() => this.notify(), this.options.safetyCheckMs);
    try {
      for (;;) {
        const free = this.#free();
        if (this.#maybeMore && free > 0) await this.#fill(free, signal);
        else await this.#bell.wait(signal);
      }
    } finally {
      intervals.clear(safetyCheck);
    }
  }

  #free(): number {
    const window = Math.min(this.options.window, this.connection.receiveMaximum);
    return window - this.#unacknowledged - this.acknowledger.size;
  }

  async #fill(free: number, signal: AbortSignal): Promise<void> {
    this.#maybeMore = false;
    try {
      const rows = await withDeadline(
        this.clock,
        OUTBOX_DEADLINE_MS,
        () => this.outbox.pending(this.#afterSeq, free),
        signal,
      );
      this.backoff.reset();
      for (const row of rows) this.#send(row);
      if (rows.length === free) this.#maybeMore = true;
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      const delayMs = Math.round(this.backoff.nextMs());
      this.log.error({ delayMs }, `outbox cannot be read: ${messageOf(thrown)}; trying again`);
      await sleep(this.clock, delayMs, signal);
      this.#maybeMore = true;
    }
  }

  #send(row: PendingEvent): void {
    this.#afterSeq = row.seq;
    if (this.acknowledger.has(row.seq)) return;
    const { topic, delivery, pubackDeadlineMs } = this.options;
    this.#unacknowledged++;
    this.connection.publish(topic, row.json, delivery, pubackDeadlineMs).then(
      () => {
        this.#unacknowledged--;
        this.acknowledger.add(row.seq);
      },
      (thrown: unknown) => this.#giveUp(row, thrown),
    );
  }

  #giveUp(row: PendingEvent, thrown: unknown): void {
    const why =
      thrown instanceof ConnectionError
        ? thrown
        : new ConnectionError('connection-lost', messageOf(thrown), { cause: thrown });
    if (why.code === 'publish-refused') {
      this.log.error(
        { seq: row.seq, id: row.id },
        `event ${row.seq}: ${why.message}; it stays in the outbox`,
      );
    }
    this.connection.drop(why);
  }
}
