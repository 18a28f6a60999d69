import type { IPublishPacket } from 'mqtt';
import type { Logger } from 'pino';
import { messageOf } from '../../kit/errors.js';
import type { Connection } from './connection.js';
import { connectionErrorFrom } from './connection-error.js';
import type { IncomingMessage, MessageHandler } from './mqtt.js';
import { matchesFilter, printFilter, type Topic, type TopicBase } from './topic.js';

interface Subscription {
  readonly filter: string;
  /** Number of characters at the beginning of each topic that the handler does not receive. */
  readonly hidden: number;
  readonly handler: MessageHandler;
}

/** The handlers of incoming messages. Each new connection subscribes to all their filters. */
export class Subscriptions {
  readonly #subscriptions = new Set<Subscription>();
  #connection: Connection | null = null;

  constructor(
    private readonly base: TopicBase,
    private readonly subackDeadlineMs: number,
    private readonly log: Logger,
  ) {}

  /** Adds a handler. If there is a connection, subscribes at once. @throws TopicError */
  add(topic: Topic, handler: MessageHandler): () => void {
    const filter = printFilter(this.base, topic);
    const hidden = typeof topic === 'string' ? filter.length - topic.length : 0;
    const subscription = { filter, hidden, handler };
    this.#subscriptions.add(subscription);
    // Also for a filter that another handler has: the broker sends its retained messages again, for the new handler.
    if (this.#connection) void this.#subscribe(this.#connection, filter);
    return () => {
      if (this.#subscriptions.delete(subscription) && !this.#filters().has(filter))
        this.#connection?.unsubscribe(filter);
    };
  }

  /** Subscribes to all filters on a new connection. Does not wait for the broker. */
  subscribeOn(connection: Connection): void {
    this.#connection = connection;
    connection.closed.addEventListener('abort', () => {
      this.#connection = null;
    });
    for (const filter of this.#filters()) void this.#subscribe(connection, filter);
  }

  /** Passes a message to each handler with a filter that matches. */
  deliver(packet: IPublishPacket): void {
    const matching = [...this.#subscriptions].filter(({ filter }) => matchesFilter(filter, packet.topic));
    for (const subscription of matching) {
      const { handler, hidden } = subscription;
      // A handler may have ended the subscription of another one.
      if (this.#subscriptions.has(subscription)) void this.#call(handler, messageFrom(packet, hidden));
    }
  }

  #filters(): Set<string> {
    return new Set([...this.#subscriptions].map(({ filter }) => filter));
  }

  /** If the broker refuses, logs that and returns. If it does not answer, drops the connection. */
  async #subscribe(connection: Connection, filter: string): Promise<void> {
    try {
      await connection.subscribe(filter, this.subackDeadlineMs);
    } catch (thrown) {
      const error = connectionErrorFrom(thrown);
      if (error.code !== 'subscribe-refused') return connection.drop(error);
      this.log.error(
        { part: 'broker', code: error.code, filter },
        `subscription skipped until the next connection: ${error.message}. Check the access rules of the broker.`,
      );
    }
  }

  async #call(handler: MessageHandler, message: IncomingMessage): Promise<void> {
    try {
      await handler(message);
    } catch (thrown) {
      const { topic } = message;
      this.log.error({ part: 'broker', topic, err: thrown }, `message handler failed: ${messageOf(thrown)}`);
    }
  }
}

const messageFrom = (packet: IPublishPacket, hidden: number): IncomingMessage => ({
  topic: packet.topic.slice(hidden),
  payload: Buffer.from(packet.payload),
  retained: packet.retain,
  duplicate: packet.dup,
  responseTopic: packet.properties?.responseTopic ?? null,
  correlationData: packet.properties?.correlationData ?? null,
  expirySeconds: packet.properties?.messageExpiryInterval ?? null,
});
