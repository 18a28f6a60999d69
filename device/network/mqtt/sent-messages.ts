/** A message that the broker has not accepted yet. */
export interface SentMessage {
  readonly topic: string;
  readonly bytes: number;
}

/**
 * The messages of a connection that may be the reason for a DISCONNECT: those without a PUBACK, and the largest one of
 * QoS 0. If the reason is the size, the largest one is certainly too large, because each larger message is too.
 */
export class SentMessages {
  readonly #unacknowledged = new Set<SentMessage>();
  #largestOfQos0: SentMessage | null = null;

  add(message: SentMessage, qos: 0 | 1): void {
    if (qos > 0) this.#unacknowledged.add(message);
    else if (message.bytes > (this.#largestOfQos0?.bytes ?? 0)) this.#largestOfQos0 = message;
  }

  acknowledge(message: SentMessage): void {
    this.#unacknowledged.delete(message);
  }

  largest(): SentMessage | null {
    let largest = this.#largestOfQos0;
    for (const message of this.#unacknowledged) if (message.bytes > (largest?.bytes ?? 0)) largest = message;
    return largest;
  }
}
