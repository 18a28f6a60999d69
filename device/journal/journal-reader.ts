import { statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, SortbinError } from '../kit/errors.js';
import { asUnreadable, type Database, isDamage, pragma, unreadable } from './database.js';
import type { Label, UndeliverableEvent } from './journal.js';
import { isSupported } from './migrations.js';
import { openReadOnly } from './read-only.js';

/** Selects events. An event must fit all conditions that are set. */
export interface EventFilter {
  readonly outcome?: string | undefined;
  /** The compartment of the decision, or of a report that it was emptied. */
  readonly compartment?: string | undefined;
  /** UTC, ISO 8601. */
  readonly since?: string | undefined;
}

/** A finished event as it is stored. */
export interface StoredEvent {
  readonly seq: number;
  /** The stored JSON, not checked. Undefined: it is not JSON. */
  readonly body: unknown;
}

/** The epoch of a journal, and the number of its newest event; 0: there was none. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

interface EventRow {
  readonly seq: number;
  readonly body: string;
}

/**
 * Reads the events of a journal, of a running or stopped bin, and never changes them. Each call sees the newest state.
 * Every method throws a JournalError `journal-unreadable` if the journal cannot be read.
 */
export class JournalReader {
  readonly #sql: ReturnType<typeof statements>;
  readonly #inode: number;

  private constructor(
    private readonly dataDir: string,
    private readonly db: Database,
    private readonly isSnapshot: boolean,
  ) {
    this.#sql = statements(db);
    this.#inode = inodeOf(pathOf(dataDir));
  }

  /** @throws SortbinError `events-no-journal`, JournalError `journal-unreadable` */
  static open(dataDir: string): JournalReader {
    const path = pathOf(dataDir);
    return attempt(path, () => {
      if (inodeOf(path) === NO_FILE)
        throw new SortbinError(
          'events-no-journal',
          `journal ${path}: not found. Start the bin once, or name its configuration with --config.`,
        );
      const { db, isSnapshot } = openReadOnly(path);
      try {
        const version = Number(pragma(db, 'user_version'));
        if (!isSupported(version))
          throw unreadable(path, `schema version ${version} cannot be read`, 'otherVersion');
        return new JournalReader(dataDir, db, isSnapshot);
      } catch (error) {
        db.close();
        throw error;
      }
    });
  }

  /** Returns whether the journal must be opened again to see new events. The bin may have replaced it by another one. */
  get isOutdated(): boolean {
    return this.isSnapshot || this.#read(() => inodeOf(pathOf(this.dataDir))) !== this.#inode;
  }

  position(): Position {
    const { epoch, seq } = this.#read(() => this.#sql.position.get()) as Position;
    return { epoch, seq };
  }

  /** Returns the newest events that fit, oldest first. */
  last(count: number, filter: EventFilter): StoredEvent[] {
    const first = this.firstOfLast(count, filter, Number.MAX_SAFE_INTEGER);
    return first === null ? [] : this.after(first - 1, count, filter);
  }

  /** Returns the number of the oldest of the newest `count` events up to `seq` that fit. null: none fits. */
  firstOfLast(count: number, filter: EventFilter, seq: number): number | null {
    const values = { ...valuesOf(filter), count, seq };
    return (this.#read(() => this.#sql.firstOfLast.get(values)) as { first: number | null }).first;
  }

  /** Returns up to `count` events after a number that fit, in order. */
  after(seq: number, count: number, filter: EventFilter): StoredEvent[] {
    const values = { ...valuesOf(filter), count, seq };
    return this.#read(() => this.#sql.after.all(values) as EventRow[]).map(parse);
  }

  /** Returns the first and the last number of the stored events. null: there are none. */
  range(): { readonly first: number; readonly last: number } | null {
    const { first, last } = this.#read(() => this.#sql.range.get()) as {
      first: number | null;
      last: number | null;
    };
    return first === null || last === null ? null : { first, last };
  }

  bySeq(seq: number): StoredEvent | null {
    const row = this.#read(() => this.#sql.bySeq.get(seq)) as EventRow | undefined;
    return row ? parse(row) : null;
  }

  /** Returns the events whose id begins with these characters, at most two. */
  byIdPrefix(prefix: string): StoredEvent[] {
    return this.#read(() => this.#sql.byIdPrefix.all(prefix, `${prefix}\uffff`) as EventRow[]).map(parse);
  }

  /** Returns the labels of an event, oldest first. */
  labels(eventId: string): Label[] {
    const rows = this.#read(() => this.#sql.labels.all(eventId)) as Label[];
    return rows.map(({ label, source, at }) => ({ label, source, at }));
  }

  /** Returns the reports that the event was sorted wrongly, oldest first. */
  disputes(eventId: string): StoredEvent[] {
    return this.#read(() => this.#sql.disputes.all(eventId) as EventRow[]).map(parse);
  }

  /** Returns the events that the broker has refused for good, oldest first. */
  undeliverable(): Omit<UndeliverableEvent, 'epoch'>[] {
    const rows = this.#read(() => this.#sql.undeliverable.all()) as Omit<UndeliverableEvent, 'epoch'>[];
    return rows.map(({ seq, id, reason, at }) => ({ seq, id, reason, at }));
  }

  /** Returns the path of a kept frame, or null if the frame was not kept or was deleted. */
  framePath(frameId: string): string | null {
    const row = this.#read(() => this.#sql.frame.get(frameId)) as { file: string } | undefined;
    return row ? join(this.dataDir, 'frames', row.file) : null;
  }

  close(): void {
    this.db.close();
  }

  #read<T>(query: () => T): T {
    return attempt(pathOf(this.dataDir), query);
  }
}

const pathOf = (dataDir: string): string => join(dataDir, 'journal.db');

const NO_FILE = -1;
const inodeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.ino ?? NO_FILE;

const parse = ({ seq, body }: EventRow): StoredEvent => {
  try {
    return { seq, body: JSON.parse(body) };
  } catch {
    return { seq, body: undefined };
  }
};

const attempt = <T>(path: string, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (isDamage(error)) throw unreadable(path, messageOf(error), 'damagedInUse', error);
    throw error instanceof SortbinError ? error : asUnreadable(path, error);
  }
};

const valuesOf = ({ outcome, compartment, since }: EventFilter) => ({
  outcome: outcome ?? null,
  compartment: compartment ?? null,
  since: since ?? null,
});

/** Without a condition, a row fits whatever its body is. */
const FITS = `(coalesce($outcome, $compartment, $since) is null or case when json_valid(body) then
  ($outcome is null or body ->> '$.outcome' = $outcome)
  and ($compartment is null or coalesce(body ->> '$.compartment', body ->> '$.decision.compartment') = $compartment)
  and ($since is null or body ->> '$.at' >= $since) end)`;

/** Finished rows in the order of `seq`. The two halves are merged from the index, without a scan of the table. */
const ordered = (columns: string, condition: string, order: 'asc' | 'desc') =>
  ['pending', 'settled']
    .map((stage) => `select ${columns} from rows where stage = '${stage}' and ${condition} and ${FITS}`)
    .join(' union all ')
    .concat(` order by seq ${order} limit $count`);

const statements = (db: Database) => ({
  position: db.prepare('select epoch, seq from counters'),
  firstOfLast: db.prepare(`select min(seq) as first from (${ordered('seq', 'seq <= $seq', 'desc')})`),
  after: db.prepare(ordered('seq, body', 'seq > $seq', 'asc')),
  range: db.prepare('select min(seq) as first, max(seq) as last from rows where seq is not null'),
  bySeq: db.prepare('select seq, body from rows where seq = ?'),
  byIdPrefix: db.prepare(`select seq, body from rows
    where id >= ? and id < ? and seq is not null order by id limit 2`),
  labels: db.prepare(`select labels.label, source, at from labels join rows on labels.event = rows.row
    where rows.id = ? order by labels.row`),
  disputes: db.prepare(`select seq, body from rows where seq is not null and case when json_valid(body)
    then body ->> '$.outcome' = 'disputed' and body ->> '$.item' = ? end order by seq`),
  undeliverable: db.prepare(
    'select seq, id, reason, at from undeliverable join rows using (row) order by seq',
  ),
  frame: db.prepare('select file from frames where id = ?'),
});
