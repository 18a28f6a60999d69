import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Journal } from '../journal/journal.js';
import { SqliteJournal } from '../journal/sqlite-journal.js';
import type { Clock } from '../kit/clock.js';

export interface JournalContext {
  readonly config: Pick<Config, 'journal'>;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called if the journal has failed for good. */
  readonly onFatal: (error: unknown) => void;
}

/** @throws JournalError `journal-unreadable` */
export const openJournal = async (
  { config: { journal }, dataDir, clock, log, onFatal }: JournalContext,
  signal: AbortSignal,
): Promise<Journal> => {
  const opened = new SqliteJournal({
    dataDir,
    maxEvents: journal.maxEvents,
    maxOutbox: journal.maxOutbox,
    maxFrames: journal.frames.maxCount,
    maxFrameBytes: journal.frames.maxBytes,
    clock,
    onFatal,
    onDropped: (dropped) =>
      log.error(
        { part: 'outbox', dropped },
        `outbox: ${dropped} unsent events were dropped, because journal.maxOutbox is now ${journal.maxOutbox}`,
      ),
    onFramesAside: ({ folder, count }) =>
      log.warn(
        { part: 'journal', folder, count },
        `journal: kept frames that are not in the journal were moved to ${folder}. Delete it if you do not need them.`,
      ),
  });
  await opened.open(signal);
  return opened;
};
