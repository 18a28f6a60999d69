import assert from 'node:assert/strict';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import { Store } from '../../device/journal/store.js';
import { anEvent } from '../support/event.js';
import { journalOptions } from '../support/journal/journal-folder.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

/** Records events like a bin that runs for a while. Returns its epoch. */
const record = (folder: string, ...ids: string[]): string => {
  const store = Store.open(journalOptions(join(folder, 'data')));
  try {
    for (const id of ids) {
      const { epoch: _epoch, seq: _seq, ...body } = anEvent({ id });
      store.finish(id, body);
    }
    return store.epoch;
  } finally {
    store.close();
  }
};

const databaseOf = (folder: string) => join(folder, 'data', 'journal.db');

const removeJournal = (folder: string): void => {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${databaseOf(folder)}${suffix}`, { force: true });
};

const ask = async (folder: string, ...args: string[]) => {
  const command = new Sortbin(['events', ...args], folder);
  return { code: await command.ended(), output: command.output, stderr: command.stderr };
};

const idsOf = (lines: readonly string[]): string[] => lines.map((line) => JSON.parse(line).id);

describe('the events that sortbin events prints', () => {
  it('come from each journal that replaces another one while it follows', () =>
    inFolder('', async (folder) => {
      record(folder, 'a');
      const follow = new Sortbin(['events', '--follow', '--json'], folder);
      const untilIds = (...ids: string[]) =>
        until(
          () => `the events ${ids}. The output is:\n${follow.text}`,
          () => idsOf(follow.output).join() === ids.join(),
          10_000,
        );
      const untilWaiting = (times: number) =>
        until(
          () => `it waits. The output is:\n${follow.text}`,
          () => follow.stderr.split('Waiting for the journal.').length === times + 1,
          10_000,
        );
      await untilIds('a');
      record(folder, 'b');
      await untilIds('a', 'b');
      copyFileSync(databaseOf(folder), join(folder, 'older.db'));

      removeJournal(folder);
      await untilWaiting(1);
      // The bin creates the file before its tables.
      writeFileSync(databaseOf(folder), '');
      record(folder, 'c', 'd');
      await untilIds('a', 'b', 'c', 'd');

      removeJournal(folder);
      writeFileSync(databaseOf(folder), 'damaged'.repeat(1_000));
      await untilWaiting(2);
      record(folder, 'e');
      await untilIds('a', 'b', 'c', 'd', 'e');

      removeJournal(folder);
      writeFileSync(databaseOf(folder), '');
      await untilWaiting(3);
      copyFileSync(join(folder, 'older.db'), databaseOf(folder));
      record(folder, 'f');
      await untilIds('a', 'b', 'c', 'd', 'e', 'a', 'b', 'f');
      assert.equal(follow.stderr.split('\n').length, 4, follow.stderr);
    }));

  it('are all events of a long list, in order', () =>
    inFolder('', async (folder) => {
      const ids = Array.from({ length: 50 }, (_, index) => `id-${index}`);
      record(folder, ...ids);
      assert.deepEqual(idsOf((await ask(folder, '--json', '--since', '2020-01-01')).output), ids);
      assert.deepEqual(idsOf((await ask(folder, '--json', '--last', '43')).output), ids.slice(7));
      assert.deepEqual(idsOf((await ask(folder, '--json')).output), ids.slice(30));
    }));

  it('are not the rows with another content, which are counted', () =>
    inFolder('', async (folder) => {
      record(folder, ...'abcdefgh');
      const db = new DatabaseSync(databaseOf(folder));
      const bodies = ['null', '{}', '5', '[]', 'no JSON', '{"outcome":"sorted","at":7}'];
      for (const [index, body] of bodies.entries())
        db.prepare('update rows set body = ? where seq = ?').run(body, index + 1);
      db.close();
      const list = await ask(folder, '--json');
      assert.deepEqual([list.code, idsOf(list.output)], [0, ['g', 'h']]);
      assert.match(list.stderr, /^sortbin: skipped 6 rows of the journal .*\n$/);
      for (const [index] of bodies.entries()) {
        const { code, stderr } = await ask(folder, 'show', String(index + 1));
        assert.deepEqual([code, stderr.split('\n').length], [66, 2], stderr);
        assert.match(stderr, /^sortbin: event \d: its row in the journal is not an event/);
      }
    }));
});
