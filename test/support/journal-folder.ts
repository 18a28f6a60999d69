import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  SqliteJournal,
  type SqliteJournalOptions,
  type StartWorker,
} from '../../device/journal/sqlite-journal.js';
import type { StoreOptions } from '../../device/journal/store.js';

/** A folder for one test, removed after it. */
export const temporaryFolder = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sortbin-journal-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** Bounds that a test does not reach unless it sets them. */
export const journalOptions = (dataDir: string, bounds: Partial<StoreOptions> = {}): StoreOptions => ({
  dataDir,
  maxEvents: 10_000,
  maxOutbox: 10_000,
  maxFrames: 100,
  maxFrameBytes: 1_000_000,
  ...bounds,
});

/** A journal that ends with the test, passed or failed: a worker left behind would keep the test runner waiting. */
export const openSqlite = async (
  t: TestContext,
  options: SqliteJournalOptions,
  startWorker?: StartWorker,
): Promise<SqliteJournal> => {
  const journal = await SqliteJournal.open(options, startWorker);
  t.after(() => journal.close().catch(() => {}));
  return journal;
};
