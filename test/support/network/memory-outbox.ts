import type { EventKey, PendingEvent, UndeliverableEvent } from '../../../device/journal/journal.js';
import type { Outbox } from '../../../device/network/mqtt/mqtt.js';
import { until } from '../until.js';

type Failing = 'pending' | 'acknowledge' | 'markUndeliverable';

/** An outbox in memory. Tests can make its calls fail. */
export class MemoryOutbox implements Outbox {
  readonly #rows = new Map<number, PendingEvent>();
  readonly #undeliverable = new Map<number, UndeliverableEvent>();
  readonly #failures = { pending: 0, acknowledge: 0, markUndeliverable: 0 };
  #lastSeq = 0;
  #epoch = 1;
  /** Arguments of the calls of `acknowledge`, in order. */
  readonly acknowledged: (readonly EventKey[])[] = [];
  reads = 0;
  /** Each read returns what it has found when this resolves. */
  untilReadsEnd: Promise<void> = Promise.resolve();
  /** Each acknowledgement begins when this resolves. */
  untilWritesEnd: Promise<void> = Promise.resolve();

  /** Adds `count` events and returns their numbers. `bin`: the id of the bin that recorded them. `text` makes them longer. */
  add(
    count = 1,
    { bin = null, text }: { readonly bin?: string | null; readonly text?: string } = {},
  ): number[] {
    const seqs = Array.from({ length: count }, () => ++this.#lastSeq);
    for (const seq of seqs) {
      const id = `event-${seq}`;
      this.#rows.set(seq, { epoch: this.epoch, seq, id, bin, json: JSON.stringify({ id, text, seq }) });
    }
    return seqs;
  }

  get epoch(): string {
    return `epoch-${this.#epoch}`;
  }

  /** Begins a new epoch without events, like a journal that was set aside. */
  beginEpoch(): void {
    this.#epoch += 1;
    this.#lastSeq = 0;
    this.#rows.clear();
  }

  get seqs(): number[] {
    return [...this.#rows.keys()];
  }

  /** Makes the next `times` calls of `method` reject. */
  fail(method: Failing, times = 1): void {
    this.#failures[method] += times;
  }

  async pending(after: EventKey | null, limit: number): Promise<readonly PendingEvent[]> {
    this.reads++;
    const afterSeq = after?.epoch === this.epoch ? after.seq : 0;
    this.#throwIfScripted('pending');
    const rows = [...this.#rows.values()]
      .filter(({ seq }) => seq > afterSeq && !this.#undeliverable.has(seq))
      .slice(0, limit);
    await this.untilReadsEnd;
    return rows;
  }

  async acknowledge(events: readonly EventKey[]): Promise<void> {
    await this.untilWritesEnd;
    this.#throwIfScripted('acknowledge');
    this.acknowledged.push(events);
    for (const { epoch, seq } of events) if (epoch === this.epoch) this.#rows.delete(seq);
  }

  async markUndeliverable({ epoch, seq }: EventKey, reason: string, at: string): Promise<void> {
    this.#throwIfScripted('markUndeliverable');
    this.#undeliverable.set(seq, { epoch, seq, id: `event-${seq}`, reason, at });
  }

  async undeliverable(): Promise<readonly UndeliverableEvent[]> {
    return [...this.#undeliverable.values()];
  }

  get undeliverableSeqs(): number[] {
    return [...this.#undeliverable.keys()];
  }

  /** Lets all undeliverable events be sent again. */
  retryUndeliverable(): void {
    this.#undeliverable.clear();
  }

  empty(): Promise<void> {
    return until('the outbox is empty', () => this.#rows.size === 0);
  }

  #throwIfScripted(method: Failing): void {
    if (this.#failures[method] === 0) return;
    this.#failures[method]--;
    throw new Error(`disk error in ${method}`);
  }
}
