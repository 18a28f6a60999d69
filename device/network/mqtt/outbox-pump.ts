import type { Logger } from 'pino';
import type { EventKey, PendingEvent } from '../../journal/journal.js';
import { AutoResetEvent } from '../../kit/auto-reset-event.js';
import type { Backoff } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import { sleep, withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { type Acknowledger, OUTBOX_DEADLINE_MS } from './acknowledger.js';
import type { Connection, Delivery } from './connection.js';
import { connectionErrorFrom, isRefusal } from './connection-error.js';
import { makeIntervals } from './interval.js';
import type { Outbox } from './mqtt.js';

const EVENT: Delivery = { qos: 1, retain: false };

export interface OutboxPumpOptions {
  readonly topic: string;
  /** Maximum events that were sent and are still in the outbox. */
  readonly window: number;
  readonly pubackDeadlineMs: number;
  /** Interval of the safety check, which reads the outbox without a notification. */
  readonly safetyCheckMs: number;
}

/**
 * Sends events from the outbox on one connection, oldest first, with a limited number unacknowledged. A new connection
 * gets a new pump, which reads the outbox from the start: events without a PUBACK are still there.
 */
export class OutboxPump {
  readonly #workAvailable = new AutoResetEvent();
  #last: EventKey | null = null;
  #unacknowledged = 0;
  #mayHaveMore = true;

  constructor(
    private readonly connection: Connection,
    private readonly outbox: Outbox,
    private readonly acknowledger: Acknowledger,
    private readonly options: OutboxPumpOptions,
    private readonly clock: Clock,
    private readonly backoff: Backoff,
    private readonly log: Logger,
  ) {}

  /** Notifies the pump of new events in the outbox. */
  notify(): void {
    this.#mayHaveMore = true;
    this.#workAvailable.set();
  }

  /** Notifies the pump of acknowledged events that have left the outbox: the window has free places. */
  wake(): void {
    this.#workAvailable.set();
  }

  /** Sends events until the signal is aborted, then throws its reason. A failed message drops the connection. */
  async run(signal: AbortSignal): Promise<never> {
    const intervals = makeIntervals(this.clock);
    const safetyCheck = intervals.set(() => this.notify(), this.options.safetyCheckMs);
    try {
      for (;;) {
        const limit = this.#freePlaces();
        if (this.#mayHaveMore && limit > 0) await this.#sendUpTo(limit, signal);
        else await this.#workAvailable.wait(signal);
      }
    } finally {
      intervals.clear(safetyCheck);
    }
  }

  #freePlaces(): number {
    const window = Math.min(this.options.window, this.connection.limits.receiveMaximum);
    return window - this.#unacknowledged - this.acknowledger.size;
  }

  async #sendUpTo(limit: number, signal: AbortSignal): Promise<void> {
    this.#mayHaveMore = false;
    try {
      const rows = await withDeadline(
        this.clock,
        OUTBOX_DEADLINE_MS,
        () => this.outbox.pending(this.#last, limit),
        signal,
      );
      this.backoff.reset();
      for (const row of rows) this.#send(row);
      if (rows.length === limit) this.#mayHaveMore = true;
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      const delayMs = Math.round(this.backoff.nextMs());
      this.log.error({ part: 'outbox', delayMs }, `failed to read the outbox: ${messageOf(thrown)}`);
      await sleep(this.clock, delayMs, signal);
      this.#mayHaveMore = true;
    }
  }

  #send(row: PendingEvent): void {
    const key = { epoch: row.epoch, seq: row.seq };
    this.#last = key;
    if (this.acknowledger.has(key)) return;
    const { topic, pubackDeadlineMs } = this.options;
    this.#unacknowledged++;
    this.connection.publish(topic, row.json, EVENT, pubackDeadlineMs).then(
      () => {
        this.#unacknowledged--;
        this.acknowledger.add(key);
      },
      (thrown: unknown) => this.#onPublishFailed(row, thrown),
    );
  }

  #onPublishFailed(row: PendingEvent, thrown: unknown): void {
    const error = connectionErrorFrom(thrown);
    if (isRefusal(error)) {
      this.log.error(
        { part: 'outbox', code: error.code, seq: row.seq, id: row.id },
        `kept event ${row.seq} in the outbox: ${error.message}`,
      );
    }
    this.connection.drop(error);
  }
}
