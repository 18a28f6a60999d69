import { join } from 'node:path';
import { messageOf } from '../kit/errors.js';
import { asUnreadable, type Database, openDatabase, transaction, unreadable } from './database.js';
import { makeFolder } from './durable.js';
import { type FrameLimits, FrameRing } from './frames.js';
import { type JournalCounters, JournalError, type PendingEvent, type UnfinishedRow } from './journal.js';
import { lockFolder } from './lock.js';
import type { SynchronousJournal } from './protocol.js';

export interface StoreOptions extends FrameLimits {
  /** Holds `journal.db` and `frames/`; made where it is not there. */
  readonly dataDir: string;
  /** Finished events on record; the oldest that are not in the outbox go first. */
  readonly maxEvents: number;
  /** Events that wait for the broker; the oldest leave the outbox first, and are counted as dropped. */
  readonly maxOutbox: number;
}

/** What is counted in memory instead of by a scan; `dropped` is on disk as well. */
interface Tally {
  events: number;
  pending: number;
  dropped: number;
}

/**
 * The journal itself, synchronous: every change is one transaction, which is on disk when its method returns. It
 * blocks its thread for as long as the disk takes.
 */
export class Store implements SynchronousJournal {
  readonly #db: Database;
  readonly #sql: ReturnType<typeof statements>;
  readonly #frames: FrameRing;
  readonly #unlock: () => void;
  /** Rows from here on were begun in this run. */
  readonly #firstRow: number;
  /** Given out by hand, since SQLite would use the number of a trimmed row again, and so confuse the runs. */
  #nextRow: number;
  #tally: Tally;

  /** @throws JournalError `journal-unreadable` */
  constructor(private readonly options: StoreOptions) {
    const path = join(options.dataDir, 'journal.db');
    try {
      makeFolder(options.dataDir);
    } catch (error) {
      throw unreadable(path, `its folder cannot be made (${messageOf(error)})`, 'place', error);
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

  /** Beginning a row again, as a caller does that did not see the answer, replaces its body. */
  begin(id: string, body: object): void {
    this.#change(() => {
      const { row } = this.#open(id) ?? { row: this.#nextRow++ };
      this.#sql.put.run(row, id, 'begun', null, JSON.stringify(body));
    });
  }

  finish(id: string, body: object): number {
    return this.#change((tally) => {
      const { row } = this.#open(id) ?? { row: this.#nextRow++ };
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
    // A negative limit is none at all to SQLite.
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

  /** The row with this id, as long as it may still change. */
  #open(id: string): { row: number } | undefined {
    const found = this.#sql.find.get(id) as { row: number; seq: number | null } | undefined;
    if (found && found.seq !== null) {
      throw new JournalError('already-finished', `row ${id} is finished already, as event ${found.seq}`);
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

  /** Both lists lie in order in one index, so it costs what it removes. */
  #trim(tally: Tally): void {
    if (tally.pending > this.options.maxOutbox) {
      const dropped = this.#sql.drop.run(tally.pending - this.options.maxOutbox).changes;
      tally.pending -= dropped;
      tally.dropped += dropped;
      this.#sql.countDropped.run(tally.dropped);
    }
    if (tally.events > this.options.maxEvents) {
      tally.events -= this.#sql.forget.run(tally.events - this.options.maxEvents).changes;
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
  forget: db.prepare(`delete from rows
    where row in (select row from rows where stage = 'settled' order by seq limit ?)`),
  countDropped: db.prepare('update counters set dropped = ?'),
});
