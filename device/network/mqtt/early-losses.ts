import type { Clock } from '../../kit/clock.js';
import { UNIQUE_ID } from './broker-errors.js';

/** A connection that ends within this time is an early loss. Two clients with one id also use longer back-offs. */
const EARLY_MS = 60_000;
/** From this number of early losses in a row on, the error names possible causes. A link with faults also loses some. */
const MANY = 5;

/**
 * Early losses of connections in a row. MQTT 3.1.1 does not report that another client has the same client id: the broker
 * closes the older connection, and each of the two clients connects again.
 */
export class EarlyLosses {
  #inARow = 0;

  constructor(
    private readonly clientId: string,
    private readonly clock: Clock,
  ) {}

  /** Counts a connection that the broker closed. Returns sentences for its error message, or an empty text. */
  add(connectedAtMs: number): string {
    const isEarly = this.clock.monotonicMs() - connectedAtMs < EARLY_MS;
    this.#inARow = isEarly ? this.#inARow + 1 : 0;
    if (this.#inARow < MANY) return '';
    return `. ${this.#inARow} connections in a row ended within a minute: the network may be unstable, or another client may use the client id "${this.clientId}". ${UNIQUE_ID}`;
  }
}
