import { setTimeout as wait } from 'node:timers/promises';
import {
  type EventFilter,
  JournalReader,
  type Position,
  type StoredEvent,
} from '../../journal/journal-reader.js';
import { SortbinError } from '../../kit/errors.js';

/** Maximum events of one read. The memory of small batches is free again at once: 90 MB in all, with 500 events 145 MB. */
const BATCH = 20;
const POLL_MS = 500;

/** Yields the newest `count` events up to a position that fit, oldest first. null: all events. */
export function* listedEvents(
  reader: JournalReader,
  { seq: last }: Position,
  count: number | null,
  filter: EventFilter,
): Generator<StoredEvent[]> {
  const first = count === null ? 1 : reader.firstOfLast(count, filter, last);
  if (first === null) return;
  for (let read = first - 1; read < last; ) {
    const events = reader.after(read, BATCH, filter).filter(({ seq }) => seq <= last);
    if (events.length > 0) yield events;
    read = events.length < BATCH ? last : (events.at(-1)?.seq ?? last);
  }
}

/**
 * Yields each event after a position that fits, as soon as it is in the journal. Never ends. If the journal is deleted,
 * damaged or being replaced, waits for the next one, and yields it from its first event.
 */
export async function* followedEvents(
  dataDir: string,
  start: Position,
  filter: EventFilter,
): AsyncGenerator<StoredEvent[]> {
  let { epoch, seq: read } = start;
  let reader: JournalReader | undefined;
  let isWaiting = false;
  try {
    for (;;) {
      await wait(POLL_MS);
      try {
        if (reader?.isOutdated) {
          reader.close();
          reader = undefined;
        }
        reader ??= JournalReader.open(dataDir);
        const position = reader.position();
        // An older copy of the journal assigns numbers again.
        read = position.epoch === epoch ? Math.min(read, position.seq) : 0;
        epoch = position.epoch;
        while (read < position.seq) {
          const events = reader.after(read, BATCH, filter);
          const newest = events.at(-1)?.seq ?? 0;
          read = events.length < BATCH ? Math.max(newest, position.seq) : newest;
          if (events.length > 0) yield events;
        }
        isWaiting = false;
      } catch (error) {
        if (!(error instanceof SortbinError)) throw error;
        reader?.close();
        reader = undefined;
        if (!isWaiting) process.stderr.write(`sortbin: ${error.message} Waiting for the journal.\n`);
        isWaiting = true;
      }
    }
  } finally {
    reader?.close();
  }
}
