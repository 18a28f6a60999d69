import type { Logger } from 'pino';
import { AutoResetEvent } from '../../kit/auto-reset-event.js';
import type { Connection } from './connection.js';
import { ConnectionError } from './connection-error.js';
import type { Delivery } from './topic.js';

/** The newest payload of one retained topic. It is sent on each new connection, with one message in flight at a time. */
export class LatestMessage {
  readonly #updated = new AutoResetEvent();
  #payload: string | null = null;

  constructor(
    private readonly topic: string,
    private readonly delivery: Delivery,
    private readonly pubackDeadlineMs: number,
    private readonly log: Logger,
  ) {}

  set(payload: object): void {
    this.#payload = JSON.stringify(payload);
    this.#updated.set();
  }

  /**
   * Publishes each new payload, but not one that is equal to the last one sent on this connection. Never returns.
   * @throws ConnectionError, or the signal's reason
   */
  async run(connection: Connection, signal: AbortSignal): Promise<never> {
    let sent: string | null = null;
    for (;;) {
      const payload = this.#payload;
      if (payload === null || payload === sent) {
        await this.#updated.wait(signal);
        continue;
      }
      sent = payload;
      await publishOrSkip(connection, this.topic, payload, this.delivery, this.pubackDeadlineMs, this.log);
    }
  }
}

/** Publishes a retained message. If the broker refuses it, logs that and returns, so that events are still sent. */
export const publishOrSkip = async (
  connection: Connection,
  topic: string,
  payload: string,
  delivery: Delivery,
  deadlineMs: number,
  log: Logger,
): Promise<void> => {
  try {
    await connection.publish(topic, payload, delivery, deadlineMs);
  } catch (thrown) {
    if (!(thrown instanceof ConnectionError && thrown.code === 'publish-refused')) throw thrown;
    log.error(
      { part: 'broker', code: thrown.code, topic },
      `retained message skipped until the next connection: ${thrown.message}. Check the access rules of the broker.`,
    );
  }
};
