import { join } from 'node:path';
import { makeFolder } from '../kit/durable-file.js';
import { messageOf } from '../kit/errors.js';
import { asUnreadable, type Database, openDatabase, transaction, unreadable } from './database.js';
import { type FrameLimits, FrameRing } from './frames.js';
import { type JournalCounters, JournalError, type PendingEvent, type UnfinishedRow } from './journal.js';
import { lockFolder } from './lock.js';
import type { SynchronousJournal } from './protocol.js';

export interface StoreOptions extends FrameLimits {
  /** Folder of `journal.db` and `frames/`. Created if it does not exist. */
  readonly dataDir: string;
  /** Maximum finished events in the journal. Above it, the oldest ones that are not in the outbox are deleted. */
  readonly maxEvents: number;
  /** Maximum events in the outbox. The oldest ones leave it first, and are counted as dropped. */
  readonly maxOutbox: number;
}

/** Counts in memory, which avoid a scan. `dropped` is also on disk. */
interface Tally {
  events: number;
  pending: number;
  dropped: number;
}

/**
 * The synchronous journal. Every change is one transaction, which is on disk when its method returns. A slow disk blocks
 * the calling thread.
 */
export class Store implements SynchronousJournal {
  readonly #db: Database;
  readonly #sql: ReturnType<typeof statements>;
  readonly #frames: FrameRing;
  readonly #unlock: () => void;
  /** Rows from this number on belong to this run. */
  readonly #firstRow: number;
  /** Assigned here, because SQLite would reuse the number of a deleted row, which would mix rows of different runs. */
  #nextRow: number;
  #tally: Tally;

  /** @throws JournalError `journal-unreadable` */
  constructor(private readonly options: StoreOptions) {
    const path = join(options.dataDir, 'journal.db');
    try {
      makeFolder(options.dataDir);
    } catch (error) {
      throw unreadable(path, `cannot create its folder: ${messageOf(error)}`, 'place', error);
    }
    this.#unlock = lockFolder(options.dataDir);
    let db: Database | undefined;
    try {
      db = openDatabase(path);
      this.#db = db;
      this.#sql = statements(this.#db);
      this.#tally = this.#sql.tally.get() as Tally;
      this.#firstRow = (this.#sql.lastRow.get() as { row: number }).row + 1;
      this.#nextRow = this.#firstRow;
      this.#change(() => {});
      this.#frames = new FrameRing(this.#db, join(options.dataDir, 'frames'), options);
    } catch (error) {
      db?.close();
      this.#unlock();
      throw asUnreadable(path, error);
    }
  }

  unfinished(): UnfinishedRow[] {
    const rows = this.#sql.unfinished.all(this.#firstRow) as { id: string; body: string }[];
    return rows.map(({ id, body }) => ({ id, body: JSON.parse(body) as object }));
  }

  /** Begins a row. Beginning it again replaces its body: a caller may retry if it received no answer. */
  begin(id: string, body: object): void {
    this.#change(() => {
      const { row } = this.#openRow(id) ?? { row: this.#nextRow++ };
      this.#sql.put.run(row, id, 'begun', null, JSON.stringify(body));
    });
  }

  finish(id: string, body: object): number {
    return this.#change((tally) => {
      const { row } = this.#openRow(id) ?? { row: this.#nextRow++ };
      const { seq } = this.#sql.nextSeq.get() as { seq: number };
      this.#sql.put.run(row, id, 'pending', seq, JSON.stringify({ ...body, seq }));
      tally.events += 1;
      tally.pending += 1;
      return seq;
    });
  }

  keepFrame(frameId: string, bytes: Uint8Array): void {
    this.#frames.keep(frameId, bytes);
  }

  pending(afterSeq: number, limit: number): PendingEvent[] {
    // SQLite treats a negative limit as no limit.
    const rows = this.#sql.pending.all(afterSeq, Math.max(0, limit)) as PendingEvent[];
    return rows.map(({ seq, id, json }) => ({ seq, id, json }));
  }

  acknowledge(seqs: readonly number[]): void {
    if (seqs.length === 0) return;
    this.#change((tally) => {
      for (const seq of seqs) tally.pending -= this.#sql.settle.run(seq).changes;
    });
  }

  counters(): JournalCounters {
    return { ...this.#tally, frames: this.#frames.frames, frameBytes: this.#frames.bytes };
  }

  close(): void {
    try {
      this.#db.exec('pragma wal_checkpoint(truncate)');
    } finally {
      this.#db.close();
      this.#unlock();
    }
  }

  /** Returns the row with this id, or undefined. @throws JournalError `already-finished` */
  #openRow(id: string): { row: number } | undefined {
    const found = this.#sql.find.get(id) as { row: number; seq: number | null } | undefined;
    if (found && found.seq !== null) {
      throw new JournalError('already-finished', `row ${id}: already finished as event ${found.seq}`);
    }
    return found;
  }

  #change<T>(work: (tally: Tally) => T): T {
    const tally = { ...this.#tally };
    const result = transaction(this.#db, () => {
      const value = work(tally);
      this.#trim(tally);
      return value;
    });
    this.#tally = tally;
    return result;
  }

  /** Enforces both limits. One index holds both lists in order, so the cost depends only on the rows removed. */
  #trim(tally: Tally): void {
    if (tally.pending > this.options.maxOutbox) {
      const dropped = this.#sql.drop.run(tally.pending - this.options.maxOutbox).changes;
      tally.pending -= dropped;
      tally.dropped += dropped;
      this.#sql.countDropped.run(tally.dropped);
    }
    if (tally.events > this.options.maxEvents) {
      tally.events -= this.#sql.deleteSettled.run(tally.events - this.options.maxEvents).changes;
    }
  }
}

const statements = (db: Database) => ({
  tally: db.prepare(`select
    (select count(*) from rows where stage in ('pending', 'settled')) as events,
    (select count(*) from rows where stage = 'pending') as pending,
    (select dropped from counters) as dropped`),
  lastRow: db.prepare('select coalesce(max(row), 0) as row from rows'),
  find: db.prepare('select row, seq from rows where id = ?'),
  unfinished: db.prepare(`select id, body from rows
    where stage = 'begun' and seq is null and row < ? order by row`),
  put: db.prepare(`insert into rows (row, id, stage, seq, body) values (?, ?, ?, ?, ?)
    on conflict (row) do update set stage = excluded.stage, seq = excluded.seq, body = excluded.body`),
  nextSeq: db.prepare('update counters set seq = seq + 1 returning seq'),
  pending: db.prepare(`select seq, id, body as json from rows
    where stage = 'pending' and seq > ? order by seq limit ?`),
  settle: db.prepare(`update rows set stage = 'settled' where stage = 'pending' and seq = ?`),
  drop: db.prepare(`update rows set stage = 'settled'
    where row in (select row from rows where stage = 'pending' order by seq limit ?)`),
  deleteSettled: db.prepare(`delete from rows
    where row in (select row from rows where stage = 'settled' order by seq limit ?)`),
  countDropped: db.prepare('update counters set dropped = ?'),
});
