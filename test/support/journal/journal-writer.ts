import { writeSync } from 'node:fs';
import { SqliteJournal } from '../../../device/journal/sqlite-journal.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { journalOptions } from './journal-folder.js';

/**
 * A program that writes to a journal until it is killed: `node journal-writer.js <dataDir> <round>`. It prints a line
 * for each promise that has resolved: `begun <id>`, `finished <id> <seq>`, `kept <frame id>`, `counted <id> <count>`.
 */
const [, , dataDir = '', round = ''] = process.argv;

const print = (line: string) => writeSync(1, `${line}\n`);

const writeRows = async (journal: SqliteJournal, task: string) => {
  for (let count = 0; ; count += 1) {
    const id = `${round}-${task}-${count}`;
    await journal.begin(id, { id });
    print(`begun ${id}`);
    if (count % 3 === 0) {
      await journal.keepFrame(id, new Uint8Array(20_000));
      print(`kept ${id}`);
    }
    const { seq } = await journal.finish(id, { id, text: 'x'.repeat(1_000) });
    print(`finished ${id} ${seq}`);
  }
};

/** Counts a burst of triggers, which never ends. */
const countBurst = async (journal: SqliteJournal) => {
  const id = `${round}-burst`;
  for (let count = 1; ; count += 1) {
    await journal.begin(id, { id, count });
    print(`counted ${id} ${count}`);
  }
};

const clock = new SystemClock();
const journal = new SqliteJournal({ ...journalOptions(dataDir, { maxFrames: 5 }), clock });
await journal.open();
await Promise.all([...['a', 'b'].map((task) => writeRows(journal, task)), countBurst(journal)]);
