import type { Database } from './database.js';
import { JournalError, type Label, MAX_LABELS } from './journal.js';

/** The labels of events. SQLite deletes them together with their event. Callers wrap each change in a transaction. */
export class LabelTable {
  readonly #sql: ReturnType<typeof statements>;

  constructor(db: Database) {
    this.#sql = statements(db);
  }

  add(eventId: string, { label, source, at }: Label): void {
    const event = this.#find(eventId);
    this.#sql.add.run(event, label, source, at);
    this.#sql.trim.run(event, event, MAX_LABELS);
  }

  of(eventId: string): Label[] {
    const labels = this.#sql.of.all(this.#find(eventId)) as Label[];
    return labels.map(({ label, source, at }) => ({ label, source, at }));
  }

  /** @throws JournalError `unknown-event` */
  #find(eventId: string): number {
    const found = this.#sql.find.get(eventId) as { row: number } | undefined;
    if (!found) throw unknownEvent(eventId);
    return found.row;
  }
}

/** Returns the error of a label for an event that the journal does not have. */
export const unknownEvent = (eventId: string) =>
  new JournalError(
    'unknown-event',
    `event ${JSON.stringify(eventId)}: not in the journal. Give the id of a finished event that is still stored.`,
  );

const statements = (db: Database) => ({
  find: db.prepare('select row from rows where id = ? and seq is not null'),
  add: db.prepare('insert into labels (event, label, source, at) values (?, ?, ?, ?)'),
  of: db.prepare('select label, source, at from labels where event = ? order by row'),
  trim: db.prepare(`delete from labels where event = ?
    and row not in (select row from labels where event = ? order by row desc limit ?)`),
});
