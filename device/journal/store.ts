import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { FrameFormat } from '../hardware/camera/camera.js';
import { type Clock, SystemClock } from '../kit/clock.js';
import { makeFolder } from '../kit/durable-file.js';
import { messageOf } from '../kit/errors.js';
import { CommandTable } from './commands.js';
import { asUnreadable, type Check, type Database, openDatabase, unreadable } from './database.js';
import { isDiskFull } from './disk-space.js';
import type { FramesAside } from './frame-folder.js';
import { type FrameLimits, FrameRing } from './frames.js';
import {
  type CommandRecord,
  type EventKey,
  type EventSelection,
  type JournalCounters,
  JournalError,
  type Label,
  type PendingEvent,
  type TotalsChange,
  type UndeliverableEvent,
  type UnfinishedRow,
} from './journal.js';
import { LabelTable } from './labels.js';
import { lockFolder } from './lock.js';
import { migrate } from './migrations.js';
import { OutboxTable } from './outbox-table.js';
import { makePrivate } from './private-files.js';
import type { SynchronousJournal } from './protocol.js';
import { openOrSetAside, type SetAside } from './set-aside.js';
import { UnrecordedCount } from './unrecorded-count.js';

export interface StoreOptions extends FrameLimits {
  /** Folder of `journal.db` and `frames/`. Created if it does not exist. */
  readonly dataDir: string;
  /** Maximum finished events in the journal. Above it, the oldest ones that are not in the outbox are deleted. */
  readonly maxEvents: number;
  /** Maximum events in the outbox. The oldest ones leave it first, and are counted as dropped. */
  readonly maxOutbox: number;
  /** Id of the daemon's run. A restarted worker of the same run has the same id. Random by default. */
  readonly run?: string;
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
  readonly #sql: ReturnType<typeof statements>;
  readonly #frames: FrameRing;
  readonly #unrecorded: UnrecordedCount;
  readonly #labels: LabelTable;
  readonly #commands: CommandTable;
  readonly #outbox: OutboxTable;
  readonly #run: string;
  readonly epoch: string;
  #tally: Tally;
  /** Events that left the outbox because its limit is lower than before. */
  readonly droppedAtOpening: number;

  private constructor(
    private readonly db: Database,
    private readonly options: StoreOptions,
    private readonly unlock: () => void,
    /** The damaged journal that this one replaces, or null. */
    readonly setAside: SetAside | null,
    wallMs: number,
  ) {
    this.#run = options.run ?? randomUUID();
    this.#sql = statements(db);
    this.epoch = (this.#sql.epoch.get() as { epoch: string }).epoch;
    this.#outbox = new OutboxTable(db, this.epoch);
    this.#tally = this.#sql.tally.get() as Tally;
    this.#frames = new FrameRing(db, options.dataDir, this.epoch, wallMs, options);
    this.#unrecorded = new UnrecordedCount(options.dataDir, this.epoch);
    const { dropped } = this.#tally;
    this.#change(() => {});
    this.droppedAtOpening = this.#tally.dropped - dropped;
    this.#labels = new LabelTable(db);
    this.#commands = new CommandTable(db, this.#run);
  }

  /**
   * Opens the journal of a folder, or creates it. If it is damaged, moves it aside and creates a new one.
   * @throws JournalError `journal-unreadable`
   */
  static open(
    options: StoreOptions,
    check: Check = 'quick_check',
    clock: Pick<Clock, 'wallMs'> = new SystemClock(),
  ): Store {
    const { dataDir } = options;
    const path = join(dataDir, 'journal.db');
    try {
      makeFolder(dataDir, 0o750);
    } catch (error) {
      throw isDiskFull(error, dirname(dataDir))
        ? asUnreadable(path, error)
        : unreadable(path, `cannot create its folder: ${messageOf(error)}`, 'place', error);
    }
    const unlock = lockFolder(dataDir);
    try {
      return openOrSetAside(dataDir, clock, (setAside) => {
        makePrivate(dataDir);
        const db = openDatabase(path, check);
        try {
          migrate(db, path);
          return new Store(db, options, unlock, setAside, clock.wallMs());
        } catch (error) {
          db.close();
          throw error;
        }
      });
    } catch (error) {
      unlock();
      throw asUnreadable(path, error);
    }
  }

  /** The frames of another journal, which were moved out of the folder `frames`; null: there were none. */
  get framesAside(): FramesAside | null {
    return this.#frames.aside;
  }

  unfinished(): UnfinishedRow[] {
    const rows = this.#sql.unfinished.all(this.#run) as { id: string; body: string }[];
    return rows.map(({ id, body }) => ({ id, body: JSON.parse(body) as object }));
  }

  begin(id: string, body: object): void {
    this.#change(() => {
      const row = this.#find(id);
      if (row && row.seq !== null) throw alreadyFinished(id, row.seq);
      this.#sql.begin.run(id, this.#run, JSON.stringify(body));
    });
  }

  finish(id: string, body: object, totals?: TotalsChange): EventKey {
    return this.#change((tally) => {
      const row = this.#find(id);
      if (row && row.seq !== null) return this.#finishAgain(id, row.body, body, row.seq);
      const { seq } = this.#sql.nextSeq.get() as { seq: number };
      const key = { epoch: this.epoch, seq };
      this.#sql.finish.run(id, seq, JSON.stringify({ ...body, ...key }));
      tally.events += 1;
      tally.pending += 1;
      this.#changeTotals(totals);
      return key;
    });
  }

  totals(): Record<string, number> {
    const rows = this.#sql.totals.all() as { name: string; value: number }[];
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  }

  keepFrame(frameId: string, bytes: Uint8Array, format?: FrameFormat): void {
    this.#frames.keep(frameId, bytes, format);
  }

  label(eventId: string, label: Label): void {
    this.#change(() => this.#labels.add(eventId, label));
  }

  labels(eventId: string): Label[] {
    return this.#labels.of(eventId);
  }

  beginCommand(id: string, command: string, request: object): CommandRecord {
    return this.#change(() => this.#commands.begin(id, command, request));
  }

  endCommand(id: string, answer: object): void {
    this.#change(() => this.#commands.end(id, answer));
  }

  saveState(name: string, state: object): void {
    this.#change(() => this.#sql.saveState.run(name, JSON.stringify(state)));
  }

  loadState(name: string): object | null {
    const row = this.#sql.loadState.get(name) as { body: string } | undefined;
    return row ? (JSON.parse(row.body) as object) : null;
  }

  pending(after: EventKey | null, limit: number): PendingEvent[] {
    return this.#outbox.pending(after, limit);
  }

  acknowledge(events: readonly EventKey[]): void {
    if (events.length === 0) return;
    this.#change((tally) => {
      tally.pending -= this.#outbox.acknowledge(events);
    });
  }

  markUndeliverable(event: EventKey, reason: string, at: string): void {
    this.#change(() => this.#outbox.markUndeliverable(event, reason, at));
  }

  undeliverable(): UndeliverableEvent[] {
    return this.#outbox.undeliverable();
  }

  retryUndeliverable(selection: EventSelection): number {
    return this.#change(() => this.#outbox.retry(selection));
  }

  dropUndeliverable(selection: EventSelection): number {
    return this.#change((tally) => {
      const dropped = this.#outbox.drop(selection);
      this.#countDropped(tally, dropped);
      return dropped;
    });
  }

  countUnrecorded(count: number): void {
    this.#unrecorded.add(count);
  }

  counters(): JournalCounters {
    return {
      ...this.#tally,
      undeliverable: this.#outbox.undeliverableCount,
      unrecorded: this.#unrecorded.total,
      frames: this.#frames.frames,
      frameBytes: this.#frames.bytes,
    };
  }

  close(): void {
    try {
      this.db.exec('pragma wal_checkpoint(truncate)');
    } finally {
      this.db.close();
      this.unlock();
    }
  }

  #changeTotals(totals: TotalsChange = { add: {}, set: {} }): void {
    for (const [name, value] of Object.entries(totals.add)) this.#sql.addTotal.run(name, value);
    for (const [name, value] of Object.entries(totals.set)) this.#sql.setTotal.run(name, value);
  }

  #find(id: string): { seq: number | null; body: string } | undefined {
    return this.#sql.find.get(id) as { seq: number | null; body: string } | undefined;
  }

  #finishAgain(id: string, stored: string, body: object, seq: number): EventKey {
    const key = { epoch: this.epoch, seq };
    const again = JSON.stringify({ ...body, ...key });
    if (!isDeepStrictEqual(JSON.parse(stored), JSON.parse(again))) throw alreadyFinished(id, seq);
    return key;
  }

  #change<T>(work: (tally: Tally) => T): T {
    let tally = this.#tally;
    const result = this.#frames.write(() => {
      tally = { ...this.#tally };
      const value = work(tally);
      this.#trim(tally);
      return value;
    });
    this.#tally = tally;
    this.#unrecorded.save();
    return result;
  }

  #countDropped(tally: Tally, count: number): void {
    tally.pending -= count;
    tally.dropped += count;
    this.#sql.countDropped.run(tally.dropped);
  }

  /** Enforces both limits. One index holds both lists in order, so the cost depends only on the rows removed. */
  #trim(tally: Tally): void {
    if (tally.pending > this.options.maxOutbox) {
      this.#countDropped(tally, this.#outbox.dropOldest(tally.pending - this.options.maxOutbox));
    }
    if (tally.events > this.options.maxEvents) {
      tally.events -= this.#sql.deleteSettled.run(tally.events - this.options.maxEvents).changes;
    }
  }
}

const alreadyFinished = (id: string, seq: number) =>
  new JournalError('already-finished', `row ${id}: already finished as event ${seq}`);

const statements = (db: Database) => ({
  epoch: db.prepare('select epoch from counters'),
  tally: db.prepare(`select
    (select count(*) from rows where stage in ('pending', 'settled')) as events,
    (select count(*) from rows where stage = 'pending') as pending,
    (select dropped from counters) as dropped`),
  find: db.prepare('select seq, body from rows where id = ?'),
  unfinished: db.prepare(`select id, body from rows
    where stage = 'begun' and seq is null and run is not ? order by row`),
  begin: db.prepare(`insert into rows (id, stage, run, body) values (?, 'begun', ?, ?)
    on conflict (id) do update set body = excluded.body`),
  finish: db.prepare(`insert into rows (id, stage, seq, body) values (?, 'pending', ?, ?)
    on conflict (id) do update set stage = 'pending', seq = excluded.seq, body = excluded.body, run = null`),
  nextSeq: db.prepare('update counters set seq = seq + 1 returning seq'),
  deleteSettled: db.prepare(`delete from rows
    where row in (select row from rows where stage = 'settled' order by seq limit ?)`),
  saveState: db.prepare(`insert into states (name, body) values (?, ?)
    on conflict (name) do update set body = excluded.body`),
  loadState: db.prepare('select body from states where name = ?'),
  totals: db.prepare('select name, value from totals'),
  addTotal: db.prepare(`insert into totals (name, value) values (?, ?)
    on conflict (name) do update set value = value + excluded.value`),
  setTotal: db.prepare(`insert into totals (name, value) values (?, ?)
    on conflict (name) do update set value = excluded.value`),
  countDropped: db.prepare('update counters set dropped = ?'),
});
