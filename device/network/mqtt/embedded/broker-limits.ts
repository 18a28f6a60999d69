import type { Client } from 'aedes';
import type { Clock } from '../../../kit/clock.js';
import { MAX_PAYLOAD_BYTES } from '../mqtt.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Limits of the embedded broker. It keeps all data in the daemon's memory. */
export interface BrokerLimits {
  /** Maximum number of clients. Further connections are closed immediately. */
  readonly maxConnections: number;
  /** Maximum payload of one message. A client that sends a larger one is disconnected. */
  readonly maxPayloadBytes: number;
  /** Maximum number of filters of one client. Further subscriptions are refused. */
  readonly maxSubscriptions: number;
  /** Maximum number of persistent sessions without a connection. The longest absent one is forgotten. */
  readonly maxAbsentSessions: number;
  /** Maximum number of messages in the queue of one persistent session. The oldest are dropped. */
  readonly maxQueuedMessages: number;
  /** Maximum size of the queue of one persistent session. */
  readonly maxQueuedBytes: number;
  /** Maximum size of all queues together. The longest queue loses its oldest messages. */
  readonly maxQueuedBytesInAll: number;
  /** Maximum number of retained messages. A message on a further topic is delivered, but not retained. */
  readonly maxRetained: number;
  /** Maximum size of all retained messages together. */
  readonly maxRetainedBytes: number;
  /** Time after which a client that does not read its messages is disconnected. */
  readonly maxStallMs: number;
}

export const DEFAULT_LIMITS: BrokerLimits = {
  maxConnections: 64,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  maxSubscriptions: 100,
  maxAbsentSessions: 32,
  maxQueuedMessages: 10_000,
  maxQueuedBytes: 8 * MIB,
  maxQueuedBytesInAll: 16 * MIB,
  maxRetained: 1_000,
  maxRetainedBytes: 4 * MIB,
  maxStallMs: 5_000,
};

/** Memory of one message besides its topic and payload, measured with Node 20. */
const MESSAGE_OVERHEAD_BYTES = 512;

/** Returns the memory that a stored message uses, approximately. */
export const storedBytes = ({ topic, payload }: { topic: string; payload: string | Buffer }): number =>
  MESSAGE_OVERHEAD_BYTES + topic.length + payload.length;

/** Returns a copy in memory that nothing else uses. A received payload may be part of a buffer of 64 KiB. */
export const copyPayload = (payload: string | Buffer): Buffer => {
  const bytes = Buffer.from(payload);
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
};

const MAX_FILTER_LENGTH = 1024;
const WINDOW_MS = 60_000;
/** Each subscription starts a stream of the retained messages. A client may renew its filters this often in a minute. */
const RENEWALS_PER_WINDOW = 5;

/** The filters that each client is subscribed to. */
export class SubscriptionGrants {
  readonly #clients = new WeakMap<Client, { filters: Set<string>; requests: number; sinceMs: number }>();

  constructor(
    private readonly maxSubscriptions: number,
    private readonly clock: Clock,
  ) {}

  /** Returns whether the client may subscribe to this filter, and notes it if so. */
  request(client: Client, filter: string): boolean {
    const nowMs = this.clock.monotonicMs();
    const state = this.#clients.get(client) ?? { filters: new Set(), requests: 0, sinceMs: nowMs };
    this.#clients.set(client, state);
    if (nowMs - state.sinceMs >= WINDOW_MS) Object.assign(state, { requests: 0, sinceMs: nowMs });
    const { filters } = state;
    const hasRoom = filters.has(filter) || filters.size < this.maxSubscriptions;
    const isAllowed =
      hasRoom &&
      filter.length <= MAX_FILTER_LENGTH &&
      state.requests++ < this.maxSubscriptions * RENEWALS_PER_WINDOW;
    if (isAllowed) filters.add(filter);
    return isAllowed;
  }

  has(client: Client, filter: string): boolean {
    return this.#clients.get(client)?.filters.has(filter) ?? false;
  }

  release(client: Client, filters: readonly string[]): void {
    for (const filter of filters) this.#clients.get(client)?.filters.delete(filter);
  }
}
