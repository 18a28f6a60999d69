import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { DeadlineExceeded, sleep, withDeadline } from '../../kit/deadline.js';
import type { Connection } from './connection.js';
import { ConnectionError, isRefusal } from './connection-error.js';
import type { PublishedTopics } from './published-topics.js';

const AVAILABILITY = /availability$/;
/** A program that has read an announcement stops to read the topics in it. It cannot read their empty messages. */
const READERS_MS = 2_000;

/**
 * Removes the retained messages of an earlier id or prefix of the bin from the broker. They are removed only if their
 * `availability` is `offline`. After a copy of the data folder, another bin may still run under the earlier id.
 */
export class OldTopics {
  #hasWarned = false;

  constructor(
    private readonly published: PublishedTopics,
    private readonly deadlineMs: number,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Removes them once on a connection. Never rejects: the next connection tries again. */
  async removeOn(connection: Connection): Promise<void> {
    const availabilities = this.published.old.filter((topic) => AVAILABILITY.test(topic));
    try {
      for (const availability of availabilities)
        if (await this.#isOffline(connection, availability)) await this.#remove(connection, availability);
    } catch (thrown) {
      if (thrown instanceof ConnectionError) this.#warn(thrown);
    }
  }

  /**
   * Without a retained availability, nothing shows whether a bin uses the topics: returns false.
   * @throws ConnectionError
   */
  async #isOffline(connection: Connection, availability: string): Promise<boolean> {
    const { deadlineMs, clock } = this;
    const payload = new Promise<string>((resolve) => {
      connection.onMessage((packet) => {
        if (packet.topic === availability) resolve(packet.payload.toString());
      });
    });
    try {
      await connection.subscribe(availability, deadlineMs);
      return (await withDeadline(clock, deadlineMs, () => payload, connection.closed)) === 'offline';
    } catch (thrown) {
      if (thrown instanceof DeadlineExceeded) return false;
      throw thrown;
    } finally {
      connection.unsubscribe(availability);
    }
  }

  /** Removes `availability` last, so that the rest of an interrupted removal is found again. */
  async #remove(connection: Connection, availability: string): Promise<void> {
    const base = availability.replace(AVAILABILITY, '');
    const topics = this.published.oldOf(base).filter((topic) => topic !== availability);
    const announcements = topics.filter((topic) => !topic.startsWith(base));
    for (const topic of announcements) await this.#empty(connection, topic);
    if (announcements.length > 0) await sleep(this.clock, READERS_MS, connection.closed);
    const others = topics.filter((topic) => !announcements.includes(topic));
    for (const topic of [...others, availability]) await this.#empty(connection, topic);
  }

  async #empty(connection: Connection, topic: string): Promise<void> {
    await connection.publish(topic, '', { qos: 1, retain: true }, this.deadlineMs);
    this.published.forget(topic);
  }

  #warn(error: ConnectionError): void {
    if (this.#hasWarned || !(isRefusal(error) || error.code === 'subscribe-refused')) return;
    this.#hasWarned = true;
    this.log.warn(
      { part: 'broker', code: error.code },
      `retained messages of an earlier bin.id or mqtt.prefix stay on the broker: ${error.message}`,
    );
  }
}
