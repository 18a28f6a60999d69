import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameFormat } from '../hardware/camera/camera.js';
import { writeDurably } from '../kit/durable-file.js';
import { type Database, transaction } from './database.js';
import { frameFile } from './frame-file.js';
import { type FramesAside, openFrameFolder } from './frame-folder.js';

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

interface NewFrame {
  readonly id: string;
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly format: FrameFormat | undefined;
}

/**
 * Keeps the newest frames as files in a folder, with an index in the database. A file is written, and removed,
 * before its row. The next start repairs what a power cut leaves in between. The limits are never exceeded.
 */
export class FrameRing {
  readonly #sql: ReturnType<typeof statements>;
  #frames = 0;
  #bytes = 0;

  readonly #folder: string;
  /** The frames of another journal, which were in the folder. */
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
    const { present, aside } = openFrameFolder({ dataDir, epoch, indexed, wallMs });
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
   * than the ring is not kept.
   */
  keep(id: string, bytes: Uint8Array, format?: FrameFormat): void {
    const file = frameFile(id, bytes, format !== undefined);
    if (this.limits.maxFrames < 1 || bytes.length > this.limits.maxFrameBytes) return;
    this.#replace(this.#findEvicted(1, bytes.length, id), { id, file, bytes, format });
  }

  /** Returns the frames to remove so that the given amount fits, oldest first. Always includes a frame with this id. */
  #findEvicted(frames: number, bytes: number, id?: string): FrameRow[] {
    const same = id === undefined ? undefined : (this.#sql.byId.get(id) as FrameRow | undefined);
    const evicted = same ? [same] : [];
    let framesAfter = this.#frames + frames - evicted.length;
    let bytesAfter = this.#bytes + bytes - (same?.bytes ?? 0);
    let lastRow = 0;
    while (framesAfter > this.limits.maxFrames || bytesAfter > this.limits.maxFrameBytes) {
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
    let written = false;
    try {
      if (added) writeDurably(join(this.#folder, added.file), added.bytes);
      written = true;
    } finally {
      // The evicted files are removed even if writing the new one failed, for example on a full disk.
      transaction(this.db, () => {
        for (const { row } of evicted) this.#sql.remove.run(row);
        if (added && written) {
          const format = added.format ? JSON.stringify(added.format) : null;
          this.#sql.add.run(added.id, added.file, added.bytes.length, format);
        }
      });
      this.#frames += (added && written ? 1 : 0) - evicted.length;
      this.#bytes += added && written ? added.bytes.length : 0;
      for (const { bytes } of evicted) this.#bytes -= bytes;
    }
  }

  /** Removes the rows whose file a power cut, or a person, has removed. */
  #repair(rows: readonly FrameRow[], present: ReadonlySet<string>): void {
    const missing = rows.filter(({ file }) => !present.has(file));
    if (missing.length > 0) {
      transaction(this.db, () => {
        for (const { row } of missing) this.#sql.remove.run(row);
      });
    }
    this.#frames = rows.length - missing.length;
    this.#bytes = sumBytes(rows) - sumBytes(missing);
  }
}

const sumBytes = (rows: readonly FrameRow[]): number => rows.reduce((total, { bytes }) => total + bytes, 0);

const statements = (db: Database) => ({
  all: db.prepare('select row, id, file, bytes from frames'),
  byId: db.prepare('select row, id, file, bytes from frames where id = ?'),
  oldest: db.prepare(
    'select row, id, file, bytes from frames where row > ? and id <> ? order by row limit 1',
  ),
  add: db.prepare('insert into frames (id, file, bytes, format) values (?, ?, ?, ?)'),
  remove: db.prepare('delete from frames where row = ?'),
});
