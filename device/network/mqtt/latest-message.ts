import type { Logger } from 'pino';
import { AutoResetEvent } from './auto-reset-event.js';
import type { Connection } from './connection.js';
import { ConnectionError } from './connection-error.js';
import type { Delivery } from './topic.js';

/** A retained message of which only the newest counts: kept, sent on each connect, one in flight at a time. */
export class LatestMessage {
  readonly #bell = new AutoResetEvent();
  #payload: string | null = null;

  constructor(
    private readonly topic: string,
    private readonly delivery: Delivery,
    private readonly pubackDeadlineMs: number,
    private readonly log: Logger,
  ) {}

  set(payload: object): void {
    this.#payload = JSON.stringify(payload);
    this.#bell.set();
  }

  /** Ends only by throwing: the signal's reason, or a ConnectionError. What equals the last one sent is not sent. */
  async run(connection: Connection, signal: AbortSignal): Promise<never> {
    let sent: string | null = null;
    for (;;) {
      const payload = this.#payload;
      if (payload === null || payload === sent) {
        await this.#bell.wait(signal);
        continue;
      }
      sent = payload;
      await publishOrSkip(connection, this.topic, payload, this.delivery, this.pubackDeadlineMs, this.log);
    }
  }
}

/** A broker that refuses a retained message must not keep the events from going out: it is logged and passed over. */
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
    log.error({ topic }, `${thrown.message}; passed over until the next connect, check the broker's rights`);
  }
};
