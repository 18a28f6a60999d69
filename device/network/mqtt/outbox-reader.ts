import type { Logger } from 'pino';
import type { EventKey, PendingEvent } from '../../journal/journal.js';
import type { Backoff } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import { sleep, withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { OUTBOX_DEADLINE_MS } from './acknowledger.js';
import type { Outbox } from './mqtt.js';

/** Events that one read of the outbox returns. */
const READ_AHEAD = 64;

export interface OutboxReaderParts {
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** Pauses after the outbox could not be read or written. */
  readonly outboxBackoff: Backoff;
  readonly log: Logger;
}

/** Reads the events of the outbox, oldest first, some ahead of their sending. */
export class OutboxReader {
  readonly #queue: PendingEvent[] = [];
  #mayHaveMore = true;
  #restarts = 0;

  /** `last`: the event after which the reader starts; null: it starts with the oldest event. */
  constructor(
    private readonly parts: OutboxReaderParts,
    private last: EventKey | null,
  ) {}

  /** The oldest event that was read and not taken. */
  get first(): PendingEvent | undefined {
    return this.#queue[0];
  }

  /** The newest event that was read. */
  get readUpTo(): EventKey | null {
    return this.last;
  }

  /** Whether `read` may find events, and none of the last read is left. */
  get needsRead(): boolean {
    return this.#queue.length === 0 && this.#mayHaveMore;
  }

  take(): void {
    this.#queue.shift();
  }

  /** The outbox may have new events. */
  notify(): void {
    this.#mayHaveMore = true;
  }

  /** Reads the outbox from the start again. */
  restart(): void {
    this.#restarts += 1;
    this.last = null;
    this.#queue.length = 0;
    this.#mayHaveMore = true;
  }

  async read(signal: AbortSignal): Promise<void> {
    const restarts = this.#restarts;
    this.#mayHaveMore = false;
    const read = () => this.parts.outbox.pending(this.last, READ_AHEAD);
    const rows = await this.tryCall('read the outbox', read, signal);
    if (rows === null) this.#mayHaveMore = true;
    // A restart during the read makes its events invalid.
    if (rows === null || restarts !== this.#restarts) return;
    const newest = rows.at(-1);
    if (newest) this.last = { epoch: newest.epoch, seq: newest.seq };
    this.#queue.push(...rows);
    if (rows.length === READ_AHEAD) this.#mayHaveMore = true;
  }

  /** Calls the outbox. After an error, writes it to the log, pauses, and returns null. @throws the signal's reason */
  async tryCall<T>(action: string, call: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
    const { clock, outboxBackoff, log } = this.parts;
    try {
      const result = await withDeadline(clock, OUTBOX_DEADLINE_MS, call, signal);
      outboxBackoff.reset();
      return result;
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      const delayMs = Math.round(outboxBackoff.nextMs());
      log.error({ part: 'outbox', delayMs }, `failed to ${action}: ${messageOf(thrown)}`);
      await sleep(clock, delayMs, signal);
      return null;
    }
  }
}
