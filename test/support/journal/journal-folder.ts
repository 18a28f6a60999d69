import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { SqliteJournal, type SqliteJournalOptions } from '../../../device/journal/sqlite-journal.js';
import type { StoreOptions } from '../../../device/journal/store.js';
import { SystemClock } from '../../../device/kit/clock.js';

/** Creates a folder for one test, and removes it after the test. */
export const temporaryFolder = (t: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sortbin-journal-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** Returns options with limits that a test does not reach unless it sets them. */
export const journalOptions = (dataDir: string, limits: Partial<StoreOptions> = {}): StoreOptions => ({
  dataDir,
  maxEvents: 10_000,
  maxOutbox: 10_000,
  maxFrames: 100,
  maxFrameBytes: 1_000_000,
  ...limits,
});

/** Opens a journal and closes it after the test, even if the test fails. A running worker would block the test runner. */
export const openSqlite = async (
  t: TestContext,
  options: StoreOptions & Partial<SqliteJournalOptions>,
): Promise<SqliteJournal> => {
  const journal = new SqliteJournal({ clock: new SystemClock(), ...options });
  t.after(() => journal.close().catch(() => {}));
  await journal.open();
  return journal;
};
