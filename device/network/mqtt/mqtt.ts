import type { PendingEvent } from '../../journal/journal.js';

/** What the publisher takes its events from: the journal, as far as it concerns it. */
export interface Outbox {
  pending(afterSeq: number, limit: number): Promise<readonly PendingEvent[]>;
  acknowledge(seqs: readonly number[]): Promise<void>;
}

export interface PublisherStatus {
  readonly connected: boolean;
  /** Why not, in the words of the last attempt. */
  readonly lastError: string | null;
}

/** Tells the world. A broker that is away, slow or hostile costs it nothing but time. */
export interface Publisher {
  /** Begins to connect; never throws, never waits. */
  start(): void;
  /** The outbox has grown. */
  notify(): void;
  /** Retained; of several the newest counts. Kept and sent again after each connect. */
  info(payload: object): void;
  /** Retained; of several the newest counts. Kept and sent again after each connect. */
  state(payload: object): void;
  status(): PublisherStatus;
  /** Says `offline` where it can and goes, within a second; what is in the outbox stays there. */
  close(): Promise<void>;
}

/** A broker in the daemon's own process. */
export interface EmbeddedBroker {
  readonly url: string;
  readonly port: number;
  /** The port that was asked for: not `port` where another program has it. */
  readonly requestedPort: number;
  /** Closes the clients' sockets and the server. */
  close(): Promise<void>;
}
