import { type Answer, done, failed } from '../../kit/errors.js';
import type { Connection } from './connection.js';
import { connectionErrorFrom } from './connection-error.js';
import { MAX_PAYLOAD_BYTES, type PublishFault, type PublishOptions } from './mqtt.js';

const LIMITS = { messages: 64, bytes: 2 * 1024 * 1024 };

/** Messages that are sent once, if there is a connection. A limited number waits for the broker at one time. */
export class SingleMessages {
  #messages = 0;
  #bytes = 0;

  constructor(private readonly pubackDeadlineMs: number) {}

  /** Publishes a message. Never rejects. */
  async publish(
    connection: Connection | null,
    topic: string,
    payload: Buffer,
    { qos = 1, correlationData }: PublishOptions,
  ): Promise<Answer<void, PublishFault>> {
    const { length } = payload;
    if (!connection)
      return failed('not-connected', `message on ${topic} dropped: no connection to the broker`);
    if (length > MAX_PAYLOAD_BYTES) {
      const problem = `${length} bytes. The limit is ${MAX_PAYLOAD_BYTES}.`;
      return failed('payload-too-large', `message on ${topic} dropped: ${problem}`);
    }
    if (this.#messages >= LIMITS.messages || this.#bytes + length > LIMITS.bytes) {
      const problem = `${this.#messages} messages with ${this.#bytes} bytes wait for the broker`;
      return failed('queue-full', `message on ${topic} dropped: ${problem}`);
    }
    this.#messages++;
    this.#bytes += length;
    try {
      const properties = correlationData ? { correlationData: Buffer.from(correlationData) } : {};
      await connection.publish(topic, payload, { qos, retain: false, ...properties }, this.pubackDeadlineMs);
      return done(undefined);
    } catch (thrown) {
      const error = connectionErrorFrom(thrown);
      // The message is still in the memory of the client, or of the socket. Only a new connection frees it.
      if (error.code === 'no-puback') connection.drop(error);
      return failed(error.code, error.message);
    } finally {
      this.#messages--;
      this.#bytes -= length;
    }
  }
}
