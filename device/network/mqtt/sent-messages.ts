import type { Clock } from '../../kit/clock.js';

/** A message that the broker has not accepted yet. */
export interface SentMessage {
  readonly topic: string;
  readonly bytes: number;
}

/** The broker may have a lower limit later. */
const FORGET_AFTER_MS = 3_600_000;

/** The size of the largest packet that a broker has accepted, on any connection of the last hour. */
export class AcceptedSize {
  #bytes = 0;
  #untilMs = 0;

  constructor(private readonly clock: Clock) {}

  get bytes(): number {
    return this.clock.monotonicMs() < this.#untilMs ? this.#bytes : 0;
  }

  add(bytes: number): void {
    if (bytes < this.bytes) return;
    this.#bytes = bytes;
    this.#untilMs = this.clock.monotonicMs() + FORGET_AFTER_MS;
  }
}

/**
 * The messages of a connection that may be the reason for a DISCONNECT: those without a PUBACK, and the largest one of
 * QoS 0.
 */
export class SentMessages {
  readonly #unacknowledged = new Set<SentMessage>();
  #largestOfQos0: SentMessage | null = null;

  constructor(private readonly accepted: AcceptedSize) {}

  add(message: SentMessage, qos: 0 | 1): void {
    if (qos > 0) this.#unacknowledged.add(message);
    else if (message.bytes > (this.#largestOfQos0?.bytes ?? 0)) this.#largestOfQos0 = message;
  }

  /** `isAccepted`: the broker has the message. Otherwise it is no longer in flight. */
  remove(message: SentMessage, isAccepted: boolean): void {
    this.#unacknowledged.delete(message);
    if (isAccepted) this.accepted.add(message.bytes);
  }

  /** Returns whether the broker has accepted a message of this size or a larger one. */
  fits({ bytes }: SentMessage): boolean {
    return bytes <= this.accepted.bytes;
  }

  /**
   * Returns the message that is certainly too large if a message is: the largest one, because each larger message is too
   * large as well. Returns null if the broker has accepted messages of this size.
   */
  tooLarge(): SentMessage | null {
    let largest = this.#largestOfQos0;
    for (const message of this.#unacknowledged) if (message.bytes > (largest?.bytes ?? 0)) largest = message;
    return largest && !this.fits(largest) ? largest : null;
  }
}
