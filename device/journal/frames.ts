import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameFormat } from '../hardware/camera/camera.js';
import { writeDurably } from '../kit/durable-file.js';
import { type Database, transaction } from './database.js';
import { bytesForFrames, isDiskFull } from './disk-space.js';
import { frameFile } from './frame-file.js';
import { type FramesAside, openFrameFolder } from './frame-folder.js';
import { JournalError } from './journal.js';

export interface FrameLimits {
  readonly maxFrames: number;
  /** Maximum size of all frames together. */
  readonly maxFrameBytes: number;
}

interface FrameRow {
  readonly row: number;
  readonly id: string;
  readonly file: string;
  readonly bytes: number;
}

/** By how much the counters change. */
interface Change {
  readonly frames: number;
  readonly bytes: number;
}

/** Maximum size of the frames that a full disk loses at once. Of few frames, an eighth. */
const BATCH_BYTES = 1024 * 1024;

interface NewFrame {
  readonly id: string;
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly format: FrameFormat | undefined;
}

/**
 * Keeps the newest frames as files in a folder, with an index in the database. A file is written, and removed,
 * before its row. The next start repairs what a power cut leaves in between. The limits are never exceeded.
 *
 * On a full disk, frames give way to events: the oldest frames are deleted so that the database can be written.
 */
export class FrameRing {
  readonly #sql: ReturnType<typeof statements>;
  #frames = 0;
  #bytes = 0;

  readonly #folder: string;
  /** The frames in the folder that the journal does not have. */
  readonly aside: FramesAside | null;

  constructor(
    private readonly db: Database,
    dataDir: string,
    epoch: string,
    wallMs: number,
    private readonly limits: FrameLimits,
  ) {
    this.#sql = statements(db);
    this.#folder = join(dataDir, 'frames');
    const rows = this.#sql.all.all() as FrameRow[];
    const indexed = new Set(rows.map(({ file }) => file));
    const isOfEvent = (id: string) => this.#sql.event.get(id) !== undefined;
    const { present, aside } = openFrameFolder({ dataDir, epoch, indexed, isOfEvent, wallMs });
    this.aside = aside;
    this.#repair(rows, present);
    this.#replace(this.#findEvicted(0, 0));
  }

  get frames(): number {
    return this.#frames;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Keeps a frame and replaces one with the same id. The index stores the format of raw bytes. A frame that is larger
   * than the ring is not kept. On an almost full disk, a frame is only kept in the space of older ones.
   * @throws JournalError `journal-failed` if there is no such space, or the error of the file system
   */
  keep(id: string, bytes: Uint8Array, format?: FrameFormat): void {
    const file = frameFile(id, bytes, format !== undefined);
    if (this.limits.maxFrames < 1 || bytes.length > this.limits.maxFrameBytes) return;
    const mustFree = bytes.length > bytesForFrames(this.#folder) ? bytes.length : 0;
    const evicted = this.#findEvicted(1, bytes.length, id, mustFree);
    if (sumBytes(evicted) < mustFree) throw noRoom(id);
    this.#replace(evicted, { id, file, bytes, format });
  }

  /**
   * Runs a transaction. If the disk is full, empties the WAL file, and then deletes the oldest frames, until the
   * transaction succeeds.
   * @throws what `work` throws, or the error of SQLite if there is no frame left to delete
   */
  write<T>(work: () => T): T {
    for (let isFirst = true; ; isFirst = false) {
      try {
        return transaction(this.db, work);
      } catch (error) {
        if (!isDiskFull(error, this.#folder)) throw error;
        const hasMadeRoom = (isFirst && this.#emptyWal()) || this.#deleteOldest();
        if (!hasMadeRoom) throw error;
      }
    }
  }

  /** The WAL file contains each version of a page, so that it is often larger than its changes to the database. */
  #emptyWal(): boolean {
    try {
      this.db.exec('pragma wal_checkpoint(truncate)');
      return true;
    } catch {
      return false;
    }
  }

  /** Returns whether frames were deleted, and also their rows. Their files go first, to make room for the change. */
  #deleteOldest(): boolean {
    const deleted: FrameRow[] = [];
    for (;;) {
      const row = this.#sql.oldest.get(deleted.at(-1)?.row ?? 0, '') as FrameRow | undefined;
      if (!row) return false;
      deleted.push(row);
      rmSync(join(this.#folder, row.file), { force: true });
      if (sumBytes(deleted) < Math.min(BATCH_BYTES, this.#bytes / 8)) continue;
      this.#emptyWal();
      try {
        this.#count(transaction(this.db, () => this.#removeRows(deleted)));
        return true;
      } catch (error) {
        if (!isDiskFull(error, this.#folder)) throw error;
      }
    }
  }

  /**
   * Returns the frames to remove so that the given amount fits, and `mustFree` bytes are freed, oldest first. Always
   * includes a frame with this id.
   */
  #findEvicted(frames: number, bytes: number, id?: string, mustFree = 0): FrameRow[] {
    const same = id === undefined ? undefined : (this.#sql.byId.get(id) as FrameRow | undefined);
    const evicted = same ? [same] : [];
    let framesAfter = this.#frames + frames - evicted.length;
    let bytesAfter = this.#bytes + bytes - (same?.bytes ?? 0);
    let lastRow = 0;
    while (
      framesAfter > this.limits.maxFrames ||
      bytesAfter > this.limits.maxFrameBytes ||
      sumBytes(evicted) < mustFree
    ) {
      const oldest = this.#sql.oldest.get(lastRow, id ?? '') as FrameRow | undefined;
      if (!oldest) break;
      evicted.push(oldest);
      framesAfter -= 1;
      bytesAfter -= oldest.bytes;
      lastRow = oldest.row;
    }
    return evicted;
  }

  #replace(evicted: readonly FrameRow[], added?: NewFrame): void {
    if (evicted.length === 0 && !added) return;
    for (const { file } of evicted) rmSync(join(this.#folder, file), { force: true });
    let written: NewFrame | undefined;
    try {
      if (added) writeDurably(join(this.#folder, added.file), added.bytes);
      written = added;
    } finally {
      // The evicted files are removed even if writing the new one failed, for example on a full disk.
      this.#updateIndex(evicted, written);
    }
  }

  #updateIndex(evicted: readonly FrameRow[], added: NewFrame | undefined): void {
    try {
      const change = this.write(() => {
        const { frames, bytes } = this.#removeRows(evicted);
        if (!added) return { frames, bytes };
        const format = added.format ? JSON.stringify(added.format) : null;
        this.#sql.add.run(added.id, added.file, added.bytes.length, format);
        return { frames: frames + 1, bytes: bytes + added.bytes.length };
      });
      this.#count(change);
    } catch (error) {
      if (added) rmSync(join(this.#folder, added.file), { force: true });
      throw error;
    }
  }

  /** Returns by how much the counters change. A row that does not exist any more does not count. */
  #removeRows(rows: readonly FrameRow[]): Change {
    const removed = rows.filter(({ row }) => this.#sql.remove.run(row).changes > 0);
    return { frames: -removed.length, bytes: -sumBytes(removed) };
  }

  #count({ frames, bytes }: Change): void {
    this.#frames += frames;
    this.#bytes += bytes;
  }

  /** Removes the rows whose file a power cut, or a person, has removed. */
  #repair(rows: readonly FrameRow[], present: ReadonlySet<string>): void {
    const missing = rows.filter(({ file }) => !present.has(file));
    this.#count({ frames: rows.length, bytes: sumBytes(rows) });
    if (missing.length > 0) this.#count(this.write(() => this.#removeRows(missing)));
  }
}

const noRoom = (id: string) =>
  new JournalError(
    'journal-failed',
    `frame ${id}: not kept, because the disk is almost full. Free some space.`,
  );

const sumBytes = (rows: readonly FrameRow[]): number => rows.reduce((total, { bytes }) => total + bytes, 0);

const statements = (db: Database) => ({
  all: db.prepare('select row, id, file, bytes from frames'),
  byId: db.prepare('select row, id, file, bytes from frames where id = ?'),
  oldest: db.prepare(
    'select row, id, file, bytes from frames where row > ? and id <> ? order by row limit 1',
  ),
  add: db.prepare('insert into frames (id, file, bytes, format) values (?, ?, ?, ?)'),
  remove: db.prepare('delete from frames where row = ?'),
  // The newest rows come first: a power cut leaves the frame of one of them.
  event: db.prepare(`select 1 from rows where seq is not null
    and case when json_valid(body) then body ->> '$.frame.id' end = ? order by row desc limit 1`),
});
