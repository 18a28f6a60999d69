import type { PendingEvent } from '../../../device/journal/journal.js';
import type { Outbox } from '../../../device/network/mqtt/mqtt.js';
import { until } from '../until.js';

/** An outbox in memory. Tests can make its calls fail. */
export class MemoryOutbox implements Outbox {
  readonly #rows = new Map<number, PendingEvent>();
  readonly #failures = { pending: 0, acknowledge: 0 };
  #lastSeq = 0;
  /** Arguments of the calls of `acknowledge`, in order. */
  readonly acknowledged: (readonly number[])[] = [];
  reads = 0;

  /** Adds `count` events and returns their numbers. */
  add(count = 1): number[] {
    const seqs = Array.from({ length: count }, () => ++this.#lastSeq);
    for (const seq of seqs) {
      this.#rows.set(seq, { seq, id: `event-${seq}`, json: JSON.stringify({ id: `event-${seq}`, seq }) });
    }
    return seqs;
  }

  get seqs(): number[] {
    return [...this.#rows.keys()];
  }

  /** Makes the next `times` calls of `method` reject. */
  fail(method: 'pending' | 'acknowledge', times = 1): void {
    this.#failures[method] += times;
  }

  async pending(afterSeq: number, limit: number): Promise<readonly PendingEvent[]> {
    this.reads++;
    this.#throwIfScripted('pending');
    return [...this.#rows.values()].filter(({ seq }) => seq > afterSeq).slice(0, limit);
  }

  async acknowledge(seqs: readonly number[]): Promise<void> {
    this.#throwIfScripted('acknowledge');
    this.acknowledged.push(seqs);
    for (const seq of seqs) this.#rows.delete(seq);
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
