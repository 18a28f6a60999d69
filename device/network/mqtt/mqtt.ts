import type { EventKey, PendingEvent, UndeliverableEvent } from '../../journal/journal.js';
import type { Answer } from '../../kit/errors.js';
import type { HealthSource } from '../../kit/health.js';
import type { ConnectionErrorCode } from './connection-error.js';
import type { Topic, TopicErrorCode } from './topic.js';

export { isTopic } from './topic.js';

/** The events that the publisher has to send. The journal implements it. */
export interface Outbox {
  pending(after: EventKey | null, limit: number): Promise<readonly PendingEvent[]>;
  acknowledge(events: readonly EventKey[]): Promise<void>;
  markUndeliverable(event: EventKey, reason: string, at: string): Promise<void>;
  undeliverable(): Promise<readonly UndeliverableEvent[]>;
}

/** A fault of messages, while the broker is connected. */
export type DeliveryFaultCode =
  /** The access rules of the broker refuse the events. They stay in the outbox. */
  | 'mqtt-not-authorised'
  /** The broker refuses an event for now. It is sent again. */
  | 'event-refused'
  /** The outbox contains events that the broker has refused for good. */
  | 'event-undeliverable'
  /** The broker does not support something that the bin uses. */
  | 'mqtt-limits';

export interface PublisherStatus {
  readonly connected: boolean;
  /** The last connection error; null while connected, and before the first error. */
  readonly lastError: string | null;
  /** Number of connections since the start. */
  readonly connections: number;
}

/** Text, bytes, or an object that is sent as JSON. It is sent as it was at the call. */
export type Payload = string | Uint8Array | object;

/** Returns a copy of a payload in bytes. */
export const encodePayload = (payload: Payload): Buffer => {
  if (typeof payload === 'string') return Buffer.from(payload);
  return Buffer.from(payload instanceof Uint8Array ? payload : JSON.stringify(payload));
};

/** Maximum payload of one message to the broker. The embedded broker disconnects a client that sends a larger one. */
export const MAX_PAYLOAD_BYTES = 256 * 1024;
/** Maximum payload of one message from the broker. Larger ones are dropped and logged. */
export const MAX_INCOMING_PAYLOAD_BYTES = 64 * 1024;

export interface PublishOptions {
  /** 0: `publish` resolves when the message is written. 1, the default: when the broker has acknowledged it. */
  readonly qos?: 0 | 1;
  /** Correlation data of the request that this message answers. Only MQTT 5 sends it. */
  readonly correlationData?: Uint8Array;
}

export type PublishFault =
  | TopicErrorCode
  | ConnectionErrorCode
  /** There is no connection now. */
  | 'not-connected'
  /** Too many messages wait for the broker. */
  | 'queue-full'
  /** The payload exceeds MAX_PAYLOAD_BYTES. */
  | 'payload-too-large';

/** A message from the broker. The keys that may be null exist only in MQTT 5, if the sender has set them. */
export interface IncomingMessage {
  /** Relative to `<prefix>/<bin>/` if the filter of the subscription is relative. */
  readonly topic: string;
  readonly payload: Uint8Array;
  /** The broker had stored the message before the subscription. It may be old. */
  readonly retained: boolean;
  /** The broker may have sent the message before. */
  readonly duplicate: boolean;
  /** The absolute topic to which the sender expects an answer. The sender chose it: do not trust it. */
  readonly responseTopic: string | null;
  readonly correlationData: Uint8Array | null;
  /** Time until the message expires, when the broker sent it. */
  readonly expirySeconds: number | null;
}

/**
 * Receives a message. It returns quickly, and limits the asynchronous work that it starts. If it throws or rejects,
 * the error is logged.
 */
export type MessageHandler = (message: IncomingMessage) => void | Promise<void>;

/**
 * Publishes events, retained messages and single messages, and receives messages. A broker that is down, slow or
 * hostile delays messages, nothing else. The topics `availability` and `event` of the bin are reserved: only the
 * publisher itself sends on them.
 */
export interface Publisher extends HealthSource<ConnectionErrorCode> {
  /** The faults of the messages, while the broker is connected. */
  readonly delivery: HealthSource<DeliveryFaultCode>;
  /** Starts to connect. Returns at once and never throws. */
  start(): void;
  /** Notifies the publisher of new events in the outbox. */
  notify(): void;
  /** Notifies the publisher that undeliverable events were removed, or may be sent again. */
  notifyUndeliverable(): void;
  /**
   * Sets the retained message of a topic. The newest payload is kept and sent on each new connection, before the events
   * and in the order in which the topics were first set. `null` or an empty text removes the message from the broker.
   * A payload above the limits is logged and ignored.
   * @throws TopicError
   */
  retain(topic: Topic, payload: Payload | null): void;
  /** Sends the retained message of a topic again, if it has one. Another client may have removed it. @throws TopicError */
  repeat(topic: Topic): void;
  /**
   * Publishes one message, not retained, if there is a connection now. Otherwise the message is dropped: the answer is
   * the fault `not-connected`. Rejects only if the payload is an object that JSON cannot represent.
   */
  publish(topic: Topic, payload: Payload, options?: PublishOptions): Promise<Answer<void, PublishFault>>;
  /**
   * Passes the messages of a topic to `handler`, on this connection and on each later one. The topic may contain `+` and
   * `#`. Messages that are sent while there is no connection do not arrive. If filters overlap, a broker may deliver a
   * message once for each of them. The returned function ends the subscription.
   * @throws TopicError
   */
  subscribe(filter: Topic, handler: MessageHandler): () => void;
  status(): PublisherStatus;
  /** Publishes `offline` if possible, and disconnects, within one second. The outbox keeps its events. */
  close(): Promise<void>;
}

/** A broker in the daemon's process. */
export interface EmbeddedBroker {
  readonly url: string;
  readonly port: number;
  /** The configured port. It differs from `port` if it is 0, or if another program uses it. */
  readonly requestedPort: number;
  /** Closes all client sockets and the server. */
  close(): Promise<void>;
}
