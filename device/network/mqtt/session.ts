import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { orAborted, withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import type { Connection } from './connection.js';
import { ConnectionError } from './connection-error.js';
import { Inbox } from './inbox.js';
import type { OutboxPump } from './outbox-pump.js';
import type { RetainedMessages } from './retained-messages.js';
import type { Subscriptions } from './subscriptions.js';

export interface SessionParts {
  /** The full topic of `availability`. */
  readonly availability: string;
  readonly retained: RetainedMessages;
  readonly subscriptions: Subscriptions;
  readonly pump: OutboxPump;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Deadlines of the steps of a clean end. */
const CLOSING_MS = { offline: 400, disconnect: 250 };

/** The work on one connection: `online`, retained messages, events and incoming messages. */
export class Session {
  #isOnline = false;

  constructor(
    readonly connection: Connection,
    private readonly parts: SessionParts,
  ) {}

  /** True from the acknowledgement of `online` to the end of the connection. */
  get isOnline(): boolean {
    return this.#isOnline;
  }

  get pump(): OutboxPump {
    return this.parts.pump;
  }

  /** Never returns. Throws when the connection ends, or when `stop` is aborted, after a clean end. */
  async run(stop: AbortSignal, onOnline: () => void): Promise<never> {
    const { connection } = this;
    const { retained, subscriptions, pump, clock, log } = this.parts;
    const signal = AbortSignal.any([connection.closed, stop]);
    const tasks: Promise<never>[] = [];
    try {
      const inbox = new Inbox(clock, log);
      connection.onMessage((packet) => inbox.add(packet));
      // A client that answers `online` with a request must not be earlier than the subscription.
      subscriptions.subscribeOn(connection);
      await orAborted(this.#publishAvailability('online'), signal);
      this.#isOnline = true;
      onOnline();
      await orAborted(retained.begin(connection), signal);
      tasks.push(
        // The pump reads the outbox before it sends, so the retained messages precede the events.
        retained.run(connection, signal),
        pump.run(signal),
        // A handler may publish an answer, which `online` precedes.
        inbox.run((packet) => subscriptions.deliver(packet), signal),
      );
      return await Promise.race(tasks);
    } catch (thrown) {
      throw connection.closed.aborted ? connection.closed.reason : thrown;
    } finally {
      this.#isOnline = false;
      if (stop.aborted) await this.#disconnect();
      connection.drop(new ConnectionError('connection-ended', 'connection dropped'));
      await Promise.allSettled(tasks);
    }
  }

  async #disconnect(): Promise<void> {
    const { clock, log } = this.parts;
    try {
      await withDeadline(clock, CLOSING_MS.offline, () => this.#publishAvailability('offline'));
      await this.connection.end(CLOSING_MS.disconnect);
    } catch (thrown) {
      log.warn(
        { part: 'broker' },
        `failed to publish "offline": ${messageOf(thrown)}. The broker publishes the will message instead.`,
      );
    }
  }

  async #publishAvailability(payload: 'online' | 'offline'): Promise<void> {
    await this.parts.retained.publishOrSkip(this.connection, this.parts.availability, payload);
  }
}
