import type { EventKey, EventSelection, PendingEvent, UndeliverableEvent } from './journal.js';

/** The outbox of a simulated journal. */
export class SimulatedOutbox {
  readonly #events = new Map<number, PendingEvent>();
  readonly #undeliverable = new Map<number, UndeliverableEvent>();

  constructor(
    private readonly epoch: string,
    earlier?: SimulatedOutbox,
  ) {
    if (!earlier) return;
    for (const [seq, event] of earlier.#events) this.#events.set(seq, event);
    for (const [seq, event] of earlier.#undeliverable) this.#undeliverable.set(seq, event);
  }

  get size(): number {
    return this.#events.size;
  }

  add(event: PendingEvent): void {
    this.#events.set(event.seq, event);
  }

  pending(after: EventKey | null, limit: number): PendingEvent[] {
    const afterSeq = after?.epoch === this.epoch ? after.seq : 0;
    return [...this.#events.values()]
      .filter(({ seq }) => seq > afterSeq && !this.#undeliverable.has(seq))
      .slice(0, Math.max(0, limit));
  }

  acknowledge(events: readonly EventKey[]): void {
    for (const { epoch, seq } of events) if (epoch === this.epoch) this.#remove(seq);
  }

  markUndeliverable({ epoch, seq }: EventKey, reason: string, at: string): void {
    const event = epoch === this.epoch && this.#events.get(seq);
    if (event) this.#undeliverable.set(seq, { epoch, seq, id: event.id, reason, at });
  }

  undeliverable(): UndeliverableEvent[] {
    return [...this.#undeliverable.values()].sort((a, b) => a.seq - b.seq);
  }

  retry(selection: EventSelection): number {
    return this.#selected(selection).filter((seq) => this.#undeliverable.delete(seq)).length;
  }

  drop(selection: EventSelection): number {
    const dropped = this.#selected(selection).filter((seq) => this.#undeliverable.has(seq));
    for (const seq of dropped) this.#remove(seq);
    return dropped.length;
  }

  #selected(selection: EventSelection): readonly number[] {
    return selection === 'all' ? [...this.#undeliverable.keys()] : selection;
  }

  #remove(seq: number): void {
    this.#events.delete(seq);
    this.#undeliverable.delete(seq);
  }
}
