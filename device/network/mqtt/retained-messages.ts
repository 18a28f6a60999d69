import type { Logger } from 'pino';
import { orAborted } from '../../kit/deadline.js';
import type { Connection, Delivery } from './connection.js';
import { ConnectionError, isRefusal } from './connection-error.js';
import { MAX_PAYLOAD_BYTES } from './mqtt.js';

const RETAINED: Delivery = { qos: 1, retain: true };
const LIMITS = { topics: 256, bytes: 2 * 1024 * 1024 };

/**
 * The newest payload of each retained topic. All are sent on each new connection, with one message of a topic in flight
 * at a time. An empty payload removes the message from the broker and is then forgotten.
 */
export class RetainedMessages {
  /** By topic, in the order of the first `set`. */
  readonly #payloads = new Map<string, Buffer>();
  /** By topic, the errors of the payloads that are too large for the broker. */
  readonly #tooLarge = new Map<string, ConnectionError>();
  #sendOnConnection: ((topic: string) => void) | null = null;

  constructor(
    private readonly pubackDeadlineMs: number,
    private readonly log: Logger,
    /** Called with the error of a message that is too large for the broker and is skipped; null: all are sent again. */
    private readonly onTooLarge: (error: ConnectionError | null) => void,
    /** Called with all topics when their set has changed. */
    private readonly onTopics: (topics: readonly string[]) => void = () => {},
  ) {}

  set(topic: string, payload: Buffer): void {
    const problem = this.#limitProblem(topic, payload);
    if (problem) {
      this.log.error({ part: 'broker', topic }, `retained message ignored: ${problem}`);
      return;
    }
    const isNew = !this.#payloads.has(topic);
    this.#payloads.set(topic, payload);
    if (isNew) this.onTopics([...this.#payloads.keys()]);
    this.#sendOnConnection?.(topic);
  }

  /**
   * Sends all messages at once, then each new payload, but not one that is equal to the last one on this connection.
   * Never returns.
   * @throws ConnectionError, or the signal's reason
   */
  run(connection: Connection, signal: AbortSignal): Promise<never> {
    const failed = new Promise<never>((_, reject) => {
      const sent = new Map<string, Buffer>();
      const inFlight = new Set<string>();
      const send = async (topic: string): Promise<void> => {
        if (inFlight.has(topic)) return;
        inFlight.add(topic);
        for (;;) {
          const payload = this.#payloads.get(topic);
          if (!payload || sent.get(topic)?.equals(payload)) break;
          sent.set(topic, payload);
          const isAccepted = await this.publishOrSkip(connection, topic, payload);
          if (isAccepted && payload.length === 0 && this.#payloads.get(topic) === payload) {
            this.#payloads.delete(topic);
            sent.delete(topic);
            this.onTopics([...this.#payloads.keys()]);
          }
        }
        inFlight.delete(topic);
      };
      this.#sendOnConnection = (topic) => void send(topic).catch(reject);
      for (const topic of this.#payloads.keys()) this.#sendOnConnection(topic);
    });
    return orAborted(failed, signal).finally(() => {
      this.#sendOnConnection = null;
    });
  }

  /**
   * Publishes a retained message. If the broker refuses it, logs that and returns false, so that events are still sent.
   * @throws ConnectionError
   */
  async publishOrSkip(connection: Connection, topic: string, payload: string | Buffer): Promise<boolean> {
    try {
      await connection.publish(topic, payload, RETAINED, this.pubackDeadlineMs);
      this.#setTooLarge(topic, null);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof ConnectionError && isRefusal(thrown))) throw thrown;
      if (thrown.code === 'message-too-large') this.#setTooLarge(topic, thrown);
      if (connection.closed.aborted) throw thrown;
      if (thrown.code !== 'message-too-large')
        this.log.error(
          { part: 'broker', code: thrown.code, topic },
          `retained message skipped until the next connection: ${thrown.message}`,
        );
      return false;
    }
  }

  /** Reports only a change of the topics: if the size of `state` were reported each time, that would change `state`. */
  #setTooLarge(topic: string, error: ConnectionError | null): void {
    if (this.#tooLarge.has(topic) === (error !== null)) return;
    if (error) this.#tooLarge.set(topic, error);
    else this.#tooLarge.delete(topic);
    const [first = null] = this.#tooLarge.values();
    this.onTooLarge(first);
  }

  #limitProblem(topic: string, payload: Buffer): string | null {
    if (payload.length > MAX_PAYLOAD_BYTES)
      return `${topic} has ${payload.length} bytes. The limit is ${MAX_PAYLOAD_BYTES}.`;
    if (!this.#payloads.has(topic) && this.#payloads.size >= LIMITS.topics)
      return `${topic} is one topic too many. The limit is ${LIMITS.topics}.`;
    let bytes = payload.length;
    for (const [other, { length }] of this.#payloads) if (other !== topic) bytes += length;
    if (bytes > LIMITS.bytes) return `${topic} makes ${bytes} bytes in all. The limit is ${LIMITS.bytes}.`;
    return null;
  }
}
