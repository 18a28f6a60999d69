import { Readable } from 'node:stream';
import type { AedesPublishPacket, Client, Subscription } from 'aedes';
import MemoryPersistence from 'aedes-persistence/asyncPersistence.js';
import { type BrokerLimits, copyPayload, type SubscriptionGrants, storedBytes } from './broker-limits.js';
import { type SentPacket, SessionQueue } from './session-queue.js';

/** Receives what the limits cost. */
export interface PersistenceEvents {
  messageDropped(clientId: string): void;
  sessionForgotten(clientId: string): void;
  notRetained(topic: string): void;
}

const NO_PAYLOAD = Buffer.alloc(0);

/** aedes's persistence in memory, with limits, and with queues that keep the order of the messages. */
export class BoundedPersistence extends MemoryPersistence {
  /** The queue of each persistent session, connected or absent. */
  readonly #queues = new Map<string, SessionQueue>();
  /** The sessions without a connection, longest absent first. */
  readonly #absent = new Set<string>();
  /** Size of each retained message, in the order in which the topics were first retained. */
  readonly #retained = new Map<string, number>();
  #retainedBytes = 0;

  constructor(
    private readonly limits: BrokerLimits,
    private readonly grants: SubscriptionGrants,
    private readonly events: PersistenceEvents,
  ) {
    super();
  }

  /** Returns whether a message may be delivered directly. Otherwise the queue of the session sends it. */
  canForward(client: Client, packet: AedesPublishPacket): boolean {
    const isFromQueue = packet.messageId !== undefined;
    // Only a retained message that answers a subscription has this flag here.
    if (client.clean || isFromQueue || packet.retain) return true;
    return this.#queues.get(client.id)?.canForward(client, packet) ?? false;
  }

  /** Keeps the first topics if the space is used up. They include those of the bin. */
  override async storeRetained(packet: AedesPublishPacket): Promise<void> {
    const { topic } = packet;
    if (packet.payload.length === 0) return this.#removeRetained(topic);
    const bytes = storedBytes(packet);
    const { maxRetained, maxRetainedBytes } = this.limits;
    const hasRoom = this.#retained.size < maxRetained && this.#retainedBytes + bytes <= maxRetainedBytes;
    if (!hasRoom && !this.#retained.has(topic)) return this.events.notRetained(topic);
    this.#retainedBytes += bytes - (this.#retained.get(topic) ?? 0);
    this.#retained.set(topic, bytes);
    await super.storeRetained({ ...packet, payload: copyPayload(packet.payload) });
    for (const other of [...this.#retained.keys()].reverse()) {
      if (this.#retainedBytes <= maxRetainedBytes) break;
      if (other === topic) continue;
      await this.#removeRetained(other);
      this.events.notRetained(other);
    }
  }

  async #removeRetained(topic: string): Promise<void> {
    this.#retainedBytes -= this.#retained.get(topic) ?? 0;
    this.#retained.delete(topic);
    await super.storeRetained({ topic, payload: NO_PAYLOAD });
  }

  /** aedes passes all filters of a SUBSCRIBE, also the refused ones. */
  override async addSubscriptions(client: Client, subscriptions: Subscription[]): Promise<void> {
    if (!this.#queues.has(client.id)) return;
    const granted = subscriptions.filter(({ topic }) => this.grants.has(client, topic));
    await super.addSubscriptions(client, granted);
  }

  /** aedes calls it for a client that connects with a clean session. */
  override async cleanSubscriptions(client: Pick<Client, 'id'>): Promise<void> {
    this.#queues.delete(client.id);
    this.#absent.delete(client.id);
    await super.cleanSubscriptions(client);
  }

  override async outgoingEnqueueCombi(
    to: readonly { clientId: string }[],
    packet: AedesPublishPacket,
  ): Promise<void> {
    if (to.length === 0) return;
    const payload = copyPayload(packet.payload);
    const { maxQueuedMessages, maxQueuedBytes, maxQueuedBytesInAll } = this.limits;
    for (const { clientId } of to) {
      const queue = this.#queues.get(clientId);
      if (!queue) continue;
      queue.add(packet, payload);
      while (queue.length > maxQueuedMessages || queue.bytes > maxQueuedBytes) this.#drop(clientId, queue);
    }
    while (this.#queuedBytes() > maxQueuedBytesInAll) this.#drop(...this.#longestQueue());
  }

  #queuedBytes(): number {
    return [...this.#queues.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #longestQueue(): [string, SessionQueue] {
    return [...this.#queues].reduce((longest, other) =>
      other[1].bytes > longest[1].bytes ? other : longest,
    );
  }

  #drop(clientId: string, queue: SessionQueue): void {
    queue.dropOldest();
    this.events.messageDropped(clientId);
  }

  override async outgoingUpdate(client: Client, packet: SentPacket): Promise<void> {
    const queue = this.#queues.get(client.id);
    if (packet.brokerCounter === undefined) queue?.release(packet.messageId);
    else queue?.markSent(packet);
  }

  /** aedes also calls it, without an id, for a message that it does not forward. Then the message stays queued. */
  override async outgoingClearMessageId(
    client: Client,
    { messageId }: { messageId?: number },
  ): Promise<unknown> {
    return messageId === undefined ? undefined : this.#queues.get(client.id)?.acknowledge(messageId);
  }

  /** aedes calls it for each client, after CONNACK. */
  override outgoingStream(client: Client): Readable {
    if (client.clean) return Readable.from([]);
    const queue = this.#queues.get(client.id) ?? new SessionQueue();
    this.#queues.set(client.id, queue);
    this.#absent.delete(client.id);
    const messages = queue.attach(client);
    if (client.conn.destroyed) this.#detach(client);
    else client.conn.once('close', () => this.#detach(client));
    return Readable.from(messages);
  }

  #detach(client: Client): void {
    if (!this.#queues.get(client.id)?.detach(client)) return;
    this.#absent.add(client.id);
    const [longestAbsent] = this.#absent;
    if (longestAbsent === undefined || this.#absent.size <= this.limits.maxAbsentSessions) return;
    this.events.sessionForgotten(longestAbsent);
    void this.cleanSubscriptions({ id: longestAbsent });
    void this.cleanIncoming({ id: longestAbsent });
  }

  /** The id of a received message of QoS 2 is enough to detect a repetition. */
  override incomingStorePacket(client: Client, packet: AedesPublishPacket): Promise<void> {
    return super.incomingStorePacket(client, { ...packet, payload: NO_PAYLOAD });
  }
}
