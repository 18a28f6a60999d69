import type { Logger } from 'pino';
import type { Journal } from '../journal/journal.js';
import { messageOf } from '../kit/errors.js';
import { LatestWriter } from '../kit/latest-writer.js';
import type { EventBody } from './event.js';

/** Counts the events and frames of this run that the journal could not store, and reports them. */
export class Losses {
  #events = 0;
  #reportedEvents = 0;
  #storedEvents = 0;
  #frames = 0;
  /** Stores the count of events in the journal. */
  readonly #writer = new LatestWriter<number>(async (events) => {
    await this.journal.countUnrecorded(events - this.#storedEvents);
    this.#storedEvents = events;
  });

  constructor(
    private readonly journal: Pick<Journal, 'countUnrecorded'>,
    private readonly log: Logger,
    /** Called with the number of events that were lost so far. */
    private readonly onEvent: (count: number) => void,
  ) {}

  /** Counts an event that is given up. The log is the only place that has it. */
  addEvent(error: unknown, event: EventBody): void {
    this.#events += 1;
    this.log.error({ err: error, event }, 'an event could not be recorded');
    this.onEvent(this.#events);
    this.#store();
  }

  /** Counts a frame that was not kept. Logs the first one, then each time their number has doubled. */
  addFrame(error: unknown): void {
    this.#frames += 1;
    if (!Number.isInteger(Math.log2(this.#frames))) return;
    const reason = messageOf(error);
    this.log.warn(
      { part: 'journal', frames: this.#frames },
      `journal: frames are not kept, ${this.#frames} so far: ${reason}`,
    );
  }

  /** Reports how many events were lost since the last report, and stores their number. */
  report(): void {
    const unrecorded = this.#events - this.#reportedEvents;
    if (unrecorded > 0)
      this.log.warn({ part: 'journal', unrecorded }, `journal: ${unrecorded} events could not be recorded`);
    this.#reportedEvents = this.#events;
    this.#store();
  }

  /** Resolves when the count is stored, or cannot be stored. */
  async close(): Promise<void> {
    this.report();
    await this.#writer.write(this.#events).catch(() => {});
  }

  #store(): void {
    // If this fails, the next loss or the next report tries again.
    if (this.#events > this.#storedEvents) this.#writer.write(this.#events).catch(() => {});
  }
}
