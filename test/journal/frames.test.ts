import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import { JournalError } from '../../device/journal/journal.js';
import { Store } from '../../device/journal/store.js';
import { journalOptions, temporaryFolder } from '../support/journal/journal-folder.js';

const image = (head: string, length = 32) => Buffer.concat([Buffer.from(head, 'latin1')], length);
const filesOf = (dataDir: string) => readdirSync(join(dataDir, 'frames')).sort();

describe('the frame ring on disk', () => {
  it('names files by their first bytes, and keeps the bytes', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir));
    store.keepFrame('a', image('\xff\xd8\xff\xe0'));
    store.keepFrame('b', image('\x89PNG\r\n\x1a\n'));
    store.keepFrame('c', image('RIFF\x10\0\0\0WEBP'));
    store.keepFrame('d', image('RIFF\x10\0\0\0WAVE'));
    store.keepFrame('e', new Uint8Array(0));
    assert.deepEqual(filesOf(dataDir), ['a.jpg', 'b.png', 'c.webp', 'd.bin', 'e.bin']);
    assert.deepEqual(readFileSync(join(dataDir, 'frames', 'b.png')), image('\x89PNG\r\n\x1a\n'));
    store.close();
  });

  it('names a raw frame so, and keeps its format in the index', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir));
    const format = { kind: 'yuv420', width: 4, height: 4, strideBytes: 4, colour: 'bt709-limited' } as const;
    store.keepFrame('a', image('\xff\xd8\xff\xe0', 24), format);
    store.keepFrame('b', image('\xff\xd8\xff\xe0'));
    store.close();
    assert.deepEqual(filesOf(dataDir), ['a.raw', 'b.jpg']);
    const db = new DatabaseSync(join(dataDir, 'journal.db'));
    const rows = db.prepare('select format from frames order by id').all() as { format: string | null }[];
    db.close();
    assert.deepEqual(
      rows.map((row) => row.format && JSON.parse(row.format)),
      [format, null],
    );
    Store.open(journalOptions(dataDir)).close();
    assert.deepEqual(filesOf(dataDir), ['a.raw', 'b.jpg'], 'the next start keeps raw frames');
  });

  it('has no more files than its limits allow, also after they were lowered', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir, { maxFrames: 3 }));
    for (const id of ['a', 'b', 'c', 'd']) store.keepFrame(id, new Uint8Array(10));
    assert.deepEqual(filesOf(dataDir), ['b.bin', 'c.bin', 'd.bin']);
    store.close();
    const next = Store.open(journalOptions(dataDir, { maxFrames: 3, maxFrameBytes: 15 }));
    assert.deepEqual(filesOf(dataDir), ['d.bin']);
    next.close();
    const none = Store.open(journalOptions(dataDir, { maxFrames: 0 }));
    none.keepFrame('e', new Uint8Array(10));
    assert.deepEqual(filesOf(dataDir), []);
    none.close();
  });

  it('replaces a frame that is kept again in another image format', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir));
    store.keepFrame('a', image('\xff\xd8\xff\xe0'));
    store.keepFrame('a', image('\x89PNG\r\n\x1a\n', 40));
    assert.deepEqual(filesOf(dataDir), ['a.png']);
    assert.equal(store.counters().frameBytes, 40);
    store.close();
  });

  it('repairs at the start what a power cut left, and does not touch other files', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir));
    for (const id of ['a', 'b']) store.keepFrame(id, new Uint8Array(10));
    store.close();
    const folder = join(dataDir, 'frames');
    rmSync(join(folder, 'a.bin'));
    writeFileSync(join(folder, 'b.bin.tmp'), 'half');
    writeFileSync(join(folder, 'c.jpg'), 'no row');
    writeFileSync(join(folder, 'README.txt'), 'mine');
    mkdirSync(join(folder, 'holidays'));
    const next = Store.open(journalOptions(dataDir));
    assert.deepEqual(filesOf(dataDir), ['README.txt', 'b.bin', 'holidays']);
    assert.deepEqual([next.counters().frames, next.counters().frameBytes], [1, 10]);
    next.close();
  });

  it('keeps its counters correct if a file cannot be written', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir, { maxFrames: 1 }));
    store.keepFrame('a', new Uint8Array(10));
    mkdirSync(join(dataDir, 'frames', 'b.bin.tmp'));
    assert.throws(
      () => store.keepFrame('b', new Uint8Array(10)),
      (error) => !(error instanceof JournalError) && /EISDIR/.test(String(error)),
    );
    assert.equal(store.counters().frames, 0);
    assert.deepEqual(filesOf(dataDir), ['b.bin.tmp']);
    store.keepFrame('c', new Uint8Array(10));
    assert.deepEqual([store.counters().frames, store.counters().frameBytes], [1, 10]);
    store.close();
  });
});
