import { type BinEvent, eventSchema } from '../../cycle/event.js';
import type { StoredEvent } from '../../journal/journal-reader.js';

/** Returns a stored event, or null if its row has another content. */
export const eventOf = ({ body }: StoredEvent): BinEvent | null => eventSchema.safeParse(body).data ?? null;

/** Prints events on standard output, one a line. Skips and counts the rows that are not events. */
export class EventOutput {
  #skipped = 0;
  #hasPrinted = false;

  constructor(private readonly lineOf: (stored: StoredEvent) => string) {}

  get hasPrinted(): boolean {
    return this.#hasPrinted;
  }

  /** Waits until the reader of the output has taken the events. Returns whether the output can still be written. */
  async print(rows: readonly StoredEvent[]): Promise<boolean> {
    const lines = rows.flatMap((stored) => (eventOf(stored) ? `${this.lineOf(stored)}\n` : []));
    this.#skipped += rows.length - lines.length;
    this.#hasPrinted ||= lines.length > 0;
    return new Promise((resolve) => {
      process.stdout.write(lines.join(''), (error) => resolve(!error));
    });
  }

  /** Prints how many rows were skipped since the last report, on standard error. */
  reportSkipped(): void {
    if (this.#skipped === 0) return;
    const rows = this.#skipped === 1 ? '1 row' : `${this.#skipped} rows`;
    process.stderr.write(`sortbin: skipped ${rows} of the journal with a content that is not an event.\n`);
    this.#skipped = 0;
  }
}
