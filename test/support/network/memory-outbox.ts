import type { EventKey, PendingEvent } from '../../../device/journal/journal.js';
import type { Outbox } from '../../../device/network/mqtt/mqtt.js';
import { until } from '../until.js';

/** An outbox in memory. Tests can make its calls fail. */
export class MemoryOutbox implements Outbox {
  readonly #rows = new Map<number, PendingEvent>();
  readonly #failures = { pending: 0, acknowledge: 0 };
  #lastSeq = 0;
  #epoch = 1;
  /** Arguments of the calls of `acknowledge`, in order. */
  readonly acknowledged: (readonly EventKey[])[] = [];
  reads = 0;

  /** Adds `count` events and returns their numbers. */
  add(count = 1): number[] {
    const seqs = Array.from({ length: count }, () => ++this.#lastSeq);
    for (const seq of seqs) {
      const id = `event-${seq}`;
      this.#rows.set(seq, { epoch: this.epoch, seq, id, bin: null, json: JSON.stringify({ id, seq }) });
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
  fail(method: 'pending' | 'acknowledge', times = 1): void {
    this.#failures[method] += times;
  }

  async pending(after: EventKey | null, limit: number): Promise<readonly PendingEvent[]> {
    this.reads++;
    const afterSeq = after?.epoch === this.epoch ? after.seq : 0;
    this.#throwIfScripted('pending');
    return [...this.#rows.values()].filter(({ seq }) => seq > afterSeq).slice(0, limit);
  }

  async acknowledge(events: readonly EventKey[]): Promise<void> {
    this.#throwIfScripted('acknowledge');
    this.acknowledged.push(events);
    for (const { epoch, seq } of events) if (epoch === this.epoch) this.#rows.delete(seq);
  }

  empty(): Promise<void> {
    return until('the outbox is empty', () => this.#rows.size === 0);
  }

  #throwIfScripted(method: 'pending' | 'acknowledge'): void {
    if (this.#failures[method] === 0) return;
    this.#failures[method]--;
    throw new Error(`disk error in ${method}`);
  }
}
