import type { IClientOptions } from 'mqtt';

const LARGEST_ID = 65_535;

/**
 * Packet ids of one connection, for mqtt.js. They only increase, and begin again after the largest one. An id that was
 * reused at once would let a late second PUBACK acknowledge another message.
 */
export class MessageIds implements NonNullable<IClientOptions['messageIdProvider']> {
  readonly #inUse = new Set<number>();
  #last = 0;

  /** Returns the next id that is not in use; null: all are in use. */
  allocate(): number | null {
    if (this.#inUse.size === LARGEST_ID) return null;
    do this.#last = (this.#last % LARGEST_ID) + 1;
    while (this.#inUse.has(this.#last));
    this.#inUse.add(this.#last);
    return this.#last;
  }

  getLastAllocated(): number | null {
    return this.#last === 0 ? null : this.#last;
  }

  register(id: number): boolean {
    if (this.#inUse.has(id)) return false;
    this.#inUse.add(id);
    return true;
  }

  deallocate(id: number): void {
    this.#inUse.delete(id);
  }

  clear(): void {
    this.#inUse.clear();
  }
}
