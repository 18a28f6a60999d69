import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, transaction } from './database.js';
import { makeFolder, writeDurably } from './durable.js';
import { FRAME_FILE, frameFile } from './frame-file.js';

export interface FrameLimits {
  readonly maxFrames: number;
  /** All frames together. */
  readonly maxFrameBytes: number;
}

interface FrameRow {
  readonly row: number;
  readonly id: string;
  readonly file: string;
  readonly bytes: number;
}

/**
 * The newest frames as files in a folder, with an index in the database. A file is written before its row and removed
 * before it; what a power cut leaves in between is tidied up at the next start. The bounds hold at every moment.
 */
export class FrameRing {
  readonly #sql: ReturnType<typeof statements>;
  #frames = 0;
  #bytes = 0;

  constructor(
    private readonly db: Database,
    private readonly folder: string,
    private readonly bounds: FrameLimits,
  ) {
    this.#sql = statements(db);
    makeFolder(folder, 0o700);
    this.#tidy();
    this.#replace(this.#leaving(0, 0));
  }

  get frames(): number {
    return this.#frames;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a frame, instead of one with the same id; one that is larger than the ring is not kept. */
  keep(id: string, bytes: Uint8Array): void {
    const file = frameFile(id, bytes);
    if (this.bounds.maxFrames < 1 || bytes.length > this.bounds.maxFrameBytes) return;
    this.#replace(this.#leaving(1, bytes.length, id), { id, file, bytes });
  }

  /** What has to go, oldest first, so that so much more fits; a frame with this id goes in any case. */
  #leaving(frames: number, bytes: number, id?: string): FrameRow[] {
    const same = id === undefined ? undefined : (this.#sql.byId.get(id) as FrameRow | undefined);
    const leaving = same ? [same] : [];
    let framesThen = this.#frames + frames - leaving.length;
    let bytesThen = this.#bytes + bytes - (same?.bytes ?? 0);
    let last = 0;
    while (framesThen > this.bounds.maxFrames || bytesThen > this.bounds.maxFrameBytes) {
      const oldest = this.#sql.oldest.get(last, id ?? '') as FrameRow | undefined;
      if (!oldest) break;
      leaving.push(oldest);
      framesThen -= 1;
      bytesThen -= oldest.bytes;
      last = oldest.row;
    }
    return leaving;
  }

  #replace(leaving: readonly FrameRow[], coming?: { id: string; file: string; bytes: Uint8Array }): void {
    if (leaving.length === 0 && !coming) return;
    for (const { file } of leaving) rmSync(join(this.folder, file), { force: true });
    let written = false;
    try {
      if (coming) writeDurably(join(this.folder, coming.file), coming.bytes);
      written = true;
    } finally {
      // The files that had to go are gone, also where the disk was too full for the new one.
      transaction(this.db, () => {
        for (const { row } of leaving) this.#sql.remove.run(row);
        if (coming && written) this.#sql.add.run(coming.id, coming.file, coming.bytes.length);
      });
      this.#frames += (coming && written ? 1 : 0) - leaving.length;
      this.#bytes += coming && written ? coming.bytes.length : 0;
      for (const { bytes } of leaving) this.#bytes -= bytes;
    }
  }

  #tidy(): void {
    const rows = this.#sql.all.all() as FrameRow[];
    const indexed = new Set(rows.map(({ file }) => file));
    const found = new Set(readdirSync(this.folder));
    for (const file of found) {
      if (FRAME_FILE.test(file) && !indexed.has(file)) rmSync(join(this.folder, file), { force: true });
    }
    const lost = rows.filter(({ file }) => !found.has(file));
    if (lost.length > 0) {
      transaction(this.db, () => {
        for (const { row } of lost) this.#sql.remove.run(row);
      });
    }
    this.#frames = rows.length - lost.length;
    this.#bytes = sum(rows) - sum(lost);
  }
}

const sum = (rows: readonly FrameRow[]): number => rows.reduce((total, { bytes }) => total + bytes, 0);

const statements = (db: Database) => ({
  all: db.prepare('select row, id, file, bytes from frames'),
  byId: db.prepare('select row, id, file, bytes from frames where id = ?'),
  oldest: db.prepare(
    'select row, id, file, bytes from frames where row > ? and id <> ? order by row limit 1',
  ),
  add: db.prepare('insert into frames (id, file, bytes) values (?, ?, ?)'),
  remove: db.prepare('delete from frames where row = ?'),
});
