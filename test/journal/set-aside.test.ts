import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Store } from '../../device/journal/store.js';
import type { Fault } from '../../device/kit/errors.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { journalOptions, openSqlite, temporaryFolder } from '../support/journal/journal-folder.js';
import { until } from '../support/until.js';

const FOLDER = 'damaged-2026-01-01T00-00-01Z';

const foldersOf = (dataDir: string) => readdirSync(dataDir).filter((name) => name.startsWith('damaged'));

const open = (dataDir: string, clock = new SimulatedClock()) =>
  Store.open(journalOptions(dataDir), 'quick_check', clock);

/** Writes a journal with some events and a frame. */
const writeJournal = (dataDir: string, rows = 20) => {
  const store = open(dataDir);
  for (let index = 0; index < rows; index += 1) store.finish(`row-${index}`, { text: 'x'.repeat(8_000) });
  store.keepFrame('frame', new Uint8Array(10));
  store.close();
};

/** Overwrites everything but the first page of the database. */
const damage = (dataDir: string) => {
  const path = join(dataDir, 'journal.db');
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4096, bytes.length);
  writeFileSync(path, bytes);
};

describe('a damaged journal', () => {
  it('is moved aside with its frames, and a new journal with a new epoch begins', async (t) => {
    const dataDir = temporaryFolder(t);
    writeJournal(dataDir);
    const before = open(dataDir);
    const { epoch } = before.finish('last', {});
    before.close();
    damage(dataDir);
    const damaged = readFileSync(join(dataDir, 'journal.db'));

    const journal = await openSqlite(t, journalOptions(dataDir));
    const faults: (Fault | null)[] = [];
    journal.setAside.onHealth((fault) => faults.push(fault));
    journal.onHealth((fault) => faults.push(fault));
    const [folder = ''] = foldersOf(dataDir);
    assert.match(folder, /^damaged-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/);
    assert.equal(faults.length, 1);
    assert.equal(faults[0]?.code, 'journal-set-aside');
    assert.match(
      faults[0]?.message ?? '',
      new RegExp(
        `^The journal was damaged \\(.+\\)\\. It was moved to ${join(dataDir, folder)}, and a new one began\\.`,
      ),
    );
    const key = await journal.finish('new', {});
    assert.equal(key.seq, 1);
    assert.notEqual(key.epoch, epoch);
    assert.equal((await journal.counters()).frames, 0);
    assert.deepEqual(readFileSync(join(dataDir, folder, 'journal.db')), damaged);
    assert.deepEqual(readdirSync(join(dataDir, folder, 'frames')).sort(), ['.journal-epoch', 'frame.bin']);
    await journal.close();

    const next = await openSqlite(t, journalOptions(dataDir));
    next.setAside.onHealth((fault) => faults.push(fault));
    assert.equal(faults.length, 1, 'the next start has no fault');
    assert.equal((await next.finish('b', {})).epoch, key.epoch);
    await next.close();
  });

  it('takes its WAL with it', (t) => {
    const dataDir = temporaryFolder(t);
    writeJournal(dataDir);
    damage(dataDir);
    writeFileSync(join(dataDir, 'journal.db-wal'), 'not a WAL');
    const store = open(dataDir);
    assert.equal(store.setAside?.folder, join(dataDir, FOLDER));
    assert.ok(existsSync(join(dataDir, FOLDER, 'journal.db')));
    store.close();
  });

  it('is moved aside if it is not a database at all', (t) => {
    const dataDir = temporaryFolder(t);
    writeFileSync(join(dataDir, 'journal.db'), 'diary\n'.repeat(1000));
    const store = open(dataDir);
    assert.match(store.setAside?.problem ?? '', /not a database/);
    assert.equal(store.finish('a', {}).seq, 1);
    store.close();
    assert.equal(readFileSync(join(dataDir, FOLDER, 'journal.db'), 'utf8'), 'diary\n'.repeat(1000));
  });

  it('leaves at most three folders, also if the clock does not move, and no other folder is deleted', async (t) => {
    const dataDir = temporaryFolder(t);
    const clock = new SimulatedClock();
    mkdirSync(join(dataDir, 'damaged-mine'));
    const names: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      writeFileSync(join(dataDir, 'journal.db'), `diary ${round}`.repeat(100));
      const store = open(dataDir, clock);
      names.push(store.setAside?.folder ?? '');
      store.close();
      if (round > 0) await clock.advance(1_000);
    }
    assert.equal(names[1], join(dataDir, `${FOLDER}-2`));
    assert.deepEqual(
      foldersOf(dataDir)
        .map((name) => join(dataDir, name))
        .sort(),
      [...names.slice(2), join(dataDir, 'damaged-mine')].sort(),
    );
  });

  it('is moved completely by the next start if a power cut interrupted the move', (t) => {
    const dataDir = temporaryFolder(t);
    writeJournal(dataDir);
    damage(dataDir);
    // As after a power cut: the database was moved, the frames were not.
    mkdirSync(join(dataDir, `${FOLDER}.incomplete`));
    renameSync(join(dataDir, 'journal.db'), join(dataDir, `${FOLDER}.incomplete`, 'journal.db'));
    const store = open(dataDir);
    assert.equal(store.setAside?.folder, join(dataDir, FOLDER));
    assert.deepEqual(store.counters(), {
      events: 0,
      pending: 0,
      undeliverable: 0,
      dropped: 0,
      unrecorded: 0,
      frames: 0,
      frameBytes: 0,
    });
    store.close();
    assert.ok(existsSync(join(dataDir, FOLDER, 'frames', 'frame.bin')));
    assert.deepEqual(foldersOf(dataDir), [FOLDER]);
  });

  it('is refused if it cannot be moved', (t) => {
    const dataDir = temporaryFolder(t);
    writeJournal(dataDir);
    damage(dataDir);
    mkdirSync(join(dataDir, `${FOLDER}.incomplete`, 'journal.db', 'obstacle'), { recursive: true });
    assert.throws(
      () => open(dataDir),
      new RegExp(
        `journal\\.db: it is damaged, and cannot be moved to .*${FOLDER} \\(.*\\)\\. Move the file aside`,
      ),
    );
    assert.ok(existsSync(join(dataDir, 'journal.db')));
  });

  it('is moved aside while the bin runs, when a call finds the damage', async (t) => {
    const dataDir = temporaryFolder(t);
    writeJournal(dataDir, 400);
    const journal = await openSqlite(t, journalOptions(dataDir));
    const { epoch } = await journal.finish('before', {});
    const faults: string[] = [];
    journal.onHealth((fault) => faults.push(fault?.code ?? 'recovered'));
    journal.setAside.onHealth((fault) => faults.push(fault?.code ?? 'recovered'));
    damage(dataDir);
    await assert.rejects(journal.pending(null, 10_000), /malformed/);
    await until('a new journal is open', () => faults.includes('recovered'));
    assert.deepEqual(faults, ['journal-failed', 'journal-set-aside', 'recovered']);
    const key = await journal.finish('after', {});
    assert.equal(key.seq, 1);
    assert.notEqual(key.epoch, epoch);
    assert.equal(foldersOf(dataDir).length, 1);
    await journal.close();
  });

  it('is recognised by the full check even if the quick check passes', (t) => {
    const dataDir = temporaryFolder(t);
    writeJournal(dataDir);
    const path = join(dataDir, 'journal.db');
    const bytes = readFileSync(path);
    for (let page = 0; page < bytes.length; page += 4096) {
      // 10 is a leaf page of an index. The stage in the index no longer is the stage in the table.
      for (let at = 0; bytes[page] === 10 && at >= 0; at = bytes.indexOf('pending', Math.max(page, at + 1))) {
        if (at > page && at < page + 4096) bytes.write('pendinh', at);
      }
    }
    writeFileSync(path, bytes);
    const quick = open(dataDir);
    assert.equal(quick.setAside, null);
    quick.close();
    const thorough = Store.open(journalOptions(dataDir), 'integrity_check', new SimulatedClock());
    assert.match(thorough.setAside?.problem ?? '', /^integrity_check: .*rows_by_stage/);
    thorough.close();
  });
});
