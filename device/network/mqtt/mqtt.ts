import type { PendingEvent } from '../../journal/journal.js';

/** The events that the publisher has to send. The journal implements it. */
export interface Outbox {
  pending(afterSeq: number, limit: number): Promise<readonly PendingEvent[]>;
  acknowledge(seqs: readonly number[]): Promise<void>;
}

export interface PublisherStatus {
  readonly connected: boolean;
  /** The last connection error; null while connected, and before the first error. */
  readonly lastError: string | null;
}

/** Publishes events and the state of the bin. A broker that is down, slow or hostile delays messages, nothing else. */
export interface Publisher {
  /** Starts to connect. Returns at once and never throws. */
  start(): void;
  /** Notifies the publisher of new events in the outbox. */
  notify(): void;
  /** Sets the retained message `info`. The newest one is kept, and is sent again on each new connection. */
  info(payload: object): void;
  /** Sets the retained message `state`. The newest one is kept, and is sent again on each new connection. */
  state(payload: object): void;
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
