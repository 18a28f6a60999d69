import type { AedesPublishPacket, Client } from 'aedes';
import { storedBytes } from './broker-limits.js';

/** A message for one session. After PUBREC, it is the PUBREL that the client has to acknowledge. */
type QueuedPacket = Omit<AedesPublishPacket, 'cmd'> & { cmd: 'publish' | 'pubrel' };

/** What aedes passes when it is about to send: its own copy of a queued packet, or a PUBREL without a counter. */
export type SentPacket = Partial<Pick<AedesPublishPacket, 'brokerCounter'>> & { messageId: number };

const HIGHEST_MESSAGE_ID = 65_535;

/**
 * The messages of one persistent session that are not acknowledged. They are sent in the order in which they reached the
 * broker. If new ones arrive while a client receives the old ones, they wait.
 */
export class SessionQueue {
  /** Not yet sent on this connection, by the broker's counter, oldest first. */
  #waiting = new Map<number, QueuedPacket>();
  /** Sent on this connection and not acknowledged, by message id, oldest first. */
  readonly #inFlight = new Map<number, QueuedPacket>();
  /** The connected client. New messages are not sent to another one. */
  #client: Client | null = null;
  /** The client has been sent everything. New messages are delivered directly. */
  #isCaughtUp = false;
  #lastSentCounter = 0;
  #bytes = 0;
  #wake = () => {};

  get length(): number {
    return this.#waiting.size + this.#inFlight.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a message. Filters that overlap add it only once. `payload` is kept. */
  add({ topic, qos, brokerId, brokerCounter }: AedesPublishPacket, payload: Buffer): void {
    if (this.#waiting.has(brokerCounter)) return;
    const base = { cmd: 'publish', topic, payload, qos, retain: false, dup: false } as const;
    const packet: QueuedPacket = { ...base, brokerId, brokerCounter };
    this.#waiting.set(brokerCounter, packet);
    this.#bytes += storedBytes(packet);
  }

  dropOldest(): void {
    for (const packets of [this.#inFlight, this.#waiting]) {
      for (const [key, packet] of packets) {
        packets.delete(key);
        this.#bytes -= storedBytes(packet);
        this.#wake();
        return;
      }
    }
  }

  /** Starts to send the messages to a client that has connected. What was in flight is sent again, first. */
  attach(client: Client): AsyncGenerator<QueuedPacket> {
    this.#wake();
    this.#client = client;
    this.#isCaughtUp = false;
    this.#lastSentCounter = 0;
    const again = [...this.#inFlight.values()].map((packet) => ({
      ...packet,
      dup: packet.cmd === 'publish',
    }));
    const queued = [...again, ...this.#waiting.values()];
    this.#waiting = new Map(queued.map((packet) => [packet.brokerCounter, packet]));
    this.#inFlight.clear();
    return this.#unsent(client);
  }

  /** Ends the delivery to this client. Returns false if another client has taken its place. */
  detach(client: Client): boolean {
    if (this.#client !== client) return false;
    this.#client = null;
    this.#wake();
    return true;
  }

  /** Returns whether a new message may be delivered directly, because the queue does not send it. */
  canForward(client: Client, { brokerCounter }: AedesPublishPacket): boolean {
    if (this.#client !== client) return false;
    return this.#waiting.has(brokerCounter) ? this.#isCaughtUp : brokerCounter > this.#lastSentCounter;
  }

  /** Notes that a message is being sent. It changes a message id that is in use. */
  markSent(sent: SentPacket): void {
    const { brokerCounter = 0 } = sent;
    const packet = this.#waiting.get(brokerCounter);
    if (!packet) return;
    while (this.#inFlight.has(sent.messageId)) sent.messageId = (sent.messageId % HIGHEST_MESSAGE_ID) + 1;
    packet.messageId = sent.messageId;
    this.#waiting.delete(brokerCounter);
    this.#inFlight.set(sent.messageId, packet);
    this.#lastSentCounter = Math.max(this.#lastSentCounter, brokerCounter);
    this.#wake();
  }

  /** Replaces a message of QoS 2 that the client has received by the PUBREL for it. */
  release(messageId: number): void {
    const packet = this.#inFlight.get(messageId);
    if (!packet) return;
    this.#bytes -= packet.payload.length;
    this.#inFlight.set(messageId, { ...packet, cmd: 'pubrel', payload: Buffer.alloc(0) });
  }

  /** Removes a message that the client has acknowledged, and returns it. */
  acknowledge(messageId: number): QueuedPacket | undefined {
    const packet = this.#inFlight.get(messageId);
    if (!packet) return undefined;
    this.#inFlight.delete(messageId);
    this.#bytes -= storedBytes(packet);
    return packet;
  }

  /** Yields the waiting messages, also those that arrive meanwhile, until all of them are sent. */
  async *#unsent(client: Client): AsyncGenerator<QueuedPacket> {
    const yielded = new WeakSet<QueuedPacket>();
    while (this.#client === client && this.#waiting.size > 0) {
      for (const packet of this.#waiting.values()) {
        if (yielded.has(packet)) continue;
        yielded.add(packet);
        yield packet;
        if (this.#client !== client) return;
      }
      if (this.#waiting.size === 0) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#client === client) this.#isCaughtUp = true;
  }
}
