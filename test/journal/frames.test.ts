import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import { JournalError } from '../../device/journal/journal.js';
import { Store } from '../../device/journal/store.js';
import { newId } from '../../device/kit/ids.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { journalOptions, temporaryFolder } from '../support/journal/journal-folder.js';

const image = (head: string, length = 32) => Buffer.concat([Buffer.from(head, 'latin1')], length);
/** The files in the folder of the frames, without the marker. */
const filesOf = (dataDir: string) =>
  readdirSync(join(dataDir, 'frames'))
    .filter((name) => name !== '.journal-epoch')
    .sort();

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
    const [a, b, c] = [newId(), newId(), newId()];
    for (const id of [a, b]) store.keepFrame(id, new Uint8Array(10));
    store.finish('item', { id: 'item', frame: { id: c } });
    store.close();
    const folder = join(dataDir, 'frames');
    rmSync(join(folder, `${a}.bin`));
    writeFileSync(join(folder, `${b}.bin.tmp`), 'half');
    writeFileSync(join(folder, `${c}.jpg`), 'no row');
    for (const name of ['README.txt', 'holiday.jpg']) writeFileSync(join(folder, name), 'mine');
    mkdirSync(join(folder, 'holidays'));
    const next = Store.open(journalOptions(dataDir));
    assert.deepEqual(filesOf(dataDir), ['README.txt', `${b}.bin`, 'holiday.jpg', 'holidays'].sort());
    assert.deepEqual([next.counters().frames, next.counters().frameBytes], [1, 10]);
    assert.equal(next.framesAside, null);
    next.close();
  });

  it('moves the frames of a journal that was replaced or deleted aside', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir));
    const ids = [newId(), newId()];
    for (const id of ids) store.keepFrame(id, image('\xff\xd8\xff\xe0'));
    store.close();
    writeFileSync(join(dataDir, 'frames', 'holiday.jpg'), 'mine');
    for (const name of ['journal.db', 'journal.db-wal', 'journal.db-shm'])
      rmSync(join(dataDir, name), { force: true });
    const clock = new SimulatedClock();
    const next = Store.open(journalOptions(dataDir), 'quick_check', clock);
    const aside = join(dataDir, 'frames-aside-2026-01-01T00-00-01Z');
    assert.deepEqual(next.framesAside, { folder: aside, count: 2 });
    assert.deepEqual(readdirSync(aside), ids.map((id) => `${id}.jpg`).sort());
    assert.deepEqual(filesOf(dataDir), ['holiday.jpg']);
    next.close();
    const again = Store.open(journalOptions(dataDir), 'quick_check', clock);
    assert.equal(again.framesAside, null);
    again.close();
  });

  it('moves a single frame aside that is of no event, as of another bin or after an older copy of the journal', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir));
    store.finish('item', { id: 'item', frame: { id: newId() } });
    store.close();
    const foreign = `${newId()}.jpg`;
    writeFileSync(join(dataDir, 'frames', foreign), 'mine');
    const next = Store.open(journalOptions(dataDir));
    assert.equal(next.framesAside?.count, 1);
    assert.deepEqual(readdirSync(next.framesAside.folder), [foreign]);
    next.close();
  });

  it('leaves folders with the name of a frame alone, and starts', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir));
    const [kept, other] = [newId(), newId()];
    store.keepFrame(kept, image('\xff\xd8\xff\xe0'));
    store.close();
    const folders = [`${kept}.jpg`, `${other}.jpg`, `${other}.jpg.tmp`].map((name) =>
      join(dataDir, 'frames', name),
    );
    rmSync(join(dataDir, 'frames', `${kept}.jpg`));
    for (const folder of folders) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'content'), 'mine');
    }
    const next = Store.open(journalOptions(dataDir, { maxFrames: 0 }));
    assert.deepEqual([next.framesAside, next.counters().frames], [null, 0]);
    for (const folder of folders) assert.deepEqual(readdirSync(folder), ['content']);
    next.close();
  });

  it('names a folder that has the name of its marker', (t) => {
    const dataDir = temporaryFolder(t);
    const marker = join(dataDir, 'frames', '.journal-epoch');
    mkdirSync(marker, { recursive: true });
    assert.throws(() => Store.open(journalOptions(dataDir)), {
      code: 'journal-unreadable',
      message: `journal ${marker}: it is not a file. Move it away. The bin creates the file.`,
    });
  });

  it('moves more frames without a row aside than a power cut leaves, as after an older copy of the journal', (t) => {
    const dataDir = temporaryFolder(t);
    Store.open(journalOptions(dataDir)).close();
    for (const id of [newId(), newId()]) writeFileSync(join(dataDir, 'frames', `${id}.jpg`), 'no row');
    const next = Store.open(journalOptions(dataDir));
    assert.equal(next.framesAside?.count, 2);
    assert.deepEqual(filesOf(dataDir), []);
    next.close();
  });

  it('takes over the folder of an earlier version, which has no marker, and keeps its frames', (t) => {
    const dataDir = temporaryFolder(t);
    const store = Store.open(journalOptions(dataDir));
    const [known, orphan] = [newId(), newId()];
    store.keepFrame(known, image('\xff\xd8\xff\xe0'));
    store.close();
    const marker = join(dataDir, 'frames', '.journal-epoch');
    rmSync(marker);
    const next = Store.open(journalOptions(dataDir));
    assert.deepEqual([next.framesAside, next.counters().frames], [null, 1]);
    assert.equal(readFileSync(marker, 'utf8'), `${next.epoch}\n`);
    next.close();
    rmSync(marker);
    writeFileSync(join(dataDir, 'frames', `${orphan}.jpg`), 'of another journal');
    const last = Store.open(journalOptions(dataDir));
    assert.deepEqual([last.framesAside?.count, last.counters().frames], [1, 1]);
    assert.deepEqual(filesOf(dataDir), [`${known}.jpg`]);
    last.close();
  });

  it('refuses a linked folder, and changes nothing in it', (t) => {
    const dataDir = temporaryFolder(t);
    const other = temporaryFolder(t);
    const file = join(other, `${newId()}.jpg`);
    writeFileSync(file, 'of another bin');
    symlinkSync(other, join(dataDir, 'frames'));
    assert.throws(
      () => Store.open(journalOptions(dataDir)),
      (error) =>
        error instanceof JournalError &&
        error.code === 'journal-unreadable' &&
        /frames: it is a symbolic link\. Move it away, .*set dataDir/.test(error.message),
    );
    assert.deepEqual(readdirSync(other), [basename(file)]);
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
