import type { Database } from './database.js';
import type { EventKey, EventSelection, PendingEvent, UndeliverableEvent } from './journal.js';

/**
 * The outbox: the rows of the stage `pending`. The table `undeliverable` names those that are not sent. A trigger removes
 * a row from that table when the event leaves the outbox. The counting methods return the number of changed events.
 */
export class OutboxTable {
  readonly #sql: ReturnType<typeof statements>;

  constructor(
    db: Database,
    private readonly epoch: string,
  ) {
    this.#sql = statements(db);
  }

  get undeliverableCount(): number {
    return (this.#sql.count.get() as { count: number }).count;
  }

  pending(after: EventKey | null, limit: number): PendingEvent[] {
    const afterSeq = after?.epoch === this.epoch ? after.seq : 0;
    // SQLite treats a negative limit as no limit.
    const rows = this.#sql.pending.all(afterSeq, Math.max(0, limit)) as Omit<PendingEvent, 'epoch'>[];
    return rows.map(({ seq, id, bin, json }) => ({ epoch: this.epoch, seq, id, bin, json }));
  }

  acknowledge(events: readonly EventKey[]): number {
    return this.#count(this.#seqsOf(events), this.#sql.settle);
  }

  dropOldest(count: number): number {
    return Number(this.#sql.dropOldest.run(count).changes);
  }

  markUndeliverable(event: EventKey, reason: string, at: string): void {
    for (const seq of this.#seqsOf([event])) this.#sql.mark.run(reason, at, seq);
  }

  undeliverable(): UndeliverableEvent[] {
    const rows = this.#sql.undeliverable.all() as Omit<UndeliverableEvent, 'epoch'>[];
    return rows.map(({ seq, id, reason, at }) => ({ epoch: this.epoch, seq, id, reason, at }));
  }

  retry(selection: EventSelection): number {
    return this.#count(this.#selected(selection), this.#sql.retry);
  }

  drop(selection: EventSelection): number {
    return this.#count(this.#selected(selection), this.#sql.drop);
  }

  #seqsOf(events: readonly EventKey[]): number[] {
    return events.filter(({ epoch }) => epoch === this.epoch).map(({ seq }) => seq);
  }

  #selected(selection: EventSelection): readonly number[] {
    return selection === 'all' ? this.undeliverable().map(({ seq }) => seq) : selection;
  }

  #count(seqs: readonly number[], statement: ReturnType<Database['prepare']>): number {
    return seqs.reduce((count, seq) => count + Number(statement.run(seq).changes), 0);
  }
}

const statements = (db: Database) => ({
  pending: db.prepare(`select seq, id, body as json,
      case when json_valid(body) then body ->> '$.bin' end as bin
    from rows where stage = 'pending' and seq > ? and row not in (select row from undeliverable)
    order by seq limit ?`),
  settle: db.prepare(`update rows set stage = 'settled' where stage = 'pending' and seq = ?`),
  dropOldest: db.prepare(`update rows set stage = 'settled'
    where row in (select row from rows where stage = 'pending' order by seq limit ?)`),
  count: db.prepare('select count(*) as count from undeliverable'),
  mark: db.prepare(`insert into undeliverable (row, reason, at)
    select row, ?, ? from rows where stage = 'pending' and seq = ?
    on conflict (row) do update set reason = excluded.reason, at = excluded.at`),
  undeliverable: db.prepare(
    'select seq, id, reason, at from undeliverable join rows using (row) order by seq',
  ),
  retry: db.prepare('delete from undeliverable where row in (select row from rows where seq = ?)'),
  drop: db.prepare(`update rows set stage = 'settled'
    where seq = ? and row in (select row from undeliverable)`),
});
