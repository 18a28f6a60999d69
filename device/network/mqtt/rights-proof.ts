import type { PendingEvent } from '../../journal/journal.js';
import type { Clock } from '../../kit/clock.js';
import { DeadlineExceeded, withDeadline } from '../../kit/deadline.js';
import type { Connection, Delivery } from './connection.js';
import { ConnectionError, connectionErrorFrom } from './connection-error.js';

/**
 * Proves on one connection that the broker forwards the events of a topic. With MQTT 3.1.1, a broker also acknowledges a
 * message that its access rules drop. So the bin subscribes to the topic, and the first event on it must come back.
 */
export class RightsProof {
  #expected: { readonly topic: string; readonly json: string; readonly arrived: () => void } | null = null;
  readonly #proven = new Set<string>();

  constructor(
    private readonly connection: Connection,
    private readonly deadlineMs: number,
    private readonly clock: Clock,
  ) {
    connection.onMessage(({ topic, payload }) => {
      const expected = this.#expected;
      if (expected && expected.topic === topic && payload.toString() === expected.json) expected.arrived();
    });
  }

  /** Returns whether an event on this topic has come back. */
  covers(topic: string): boolean {
    return this.#proven.has(topic);
  }

  /**
   * Publishes an event. Resolves when it has come back.
   * @throws ConnectionError `not-authorised` if it does not, or the error of the connection
   */
  async publish(topic: string, event: PendingEvent, delivery: Delivery): Promise<void> {
    const { connection, deadlineMs, clock } = this;
    const arrived = new Promise<void>((resolve) => {
      this.#expected = { topic, json: event.json, arrived: resolve };
    });
    try {
      await connection.subscribe(topic, deadlineMs);
      await connection.publish(topic, event.json, delivery, deadlineMs);
      await withDeadline(clock, deadlineMs, () => arrived, connection.closed);
      this.#proven.add(topic);
    } catch (thrown) {
      if (thrown instanceof DeadlineExceeded)
        throw notProven(topic, 'was acknowledged, but did not come back');
      const error = connectionErrorFrom(thrown);
      if (error.code === 'subscribe-refused') throw notProven(topic, `cannot be read back: ${error.message}`);
      throw error;
    } finally {
      this.#expected = null;
      connection.unsubscribe(topic);
    }
  }
}

const notProven = (topic: string, problem: string): ConnectionError =>
  new ConnectionError(
    'not-authorised',
    `a message on ${topic} ${problem}. With MQTT 3.1.1, only that shows whether the broker forwards it. ` +
      'Allow the user of the bin to write and to read this topic, or set mqtt.proveRights to false',
  );
