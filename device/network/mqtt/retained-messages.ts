import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { orAborted } from '../../kit/deadline.js';
import type { Connection, Delivery } from './connection.js';
import { ConnectionError, isRefusal } from './connection-error.js';
import { MAX_PAYLOAD_BYTES } from './mqtt.js';
import { RetainedRefusals } from './retained-refusals.js';

const RETAINED: Delivery = { qos: 1, retain: true };
const LIMITS = { topics: 256, bytes: 2 * 1024 * 1024 };

/**
 * The newest payload of each retained topic. All are sent on each new connection, with one message of a topic in flight
 * at a time. An empty payload removes the message from the broker and is then forgotten.
 */
export class RetainedMessages {
  /** By topic, in the order of the first `set`. */
  readonly #payloads = new Map<string, Buffer>();
  /** By topic, the errors of the messages that the broker does not take. */
  readonly #notTaken = new Map<string, ConnectionError>();
  readonly #refusals: RetainedRefusals;
  /** By topic, what was sent on this connection. */
  readonly #sent = new Map<string, Buffer>();
  /** Topics with a message in flight on this connection. */
  readonly #sending = new Set<string>();
  #sendOnConnection: ((topic: string) => void) | null = null;

  constructor(
    private readonly pubackDeadlineMs: number,
    clock: Clock,
    private readonly log: Logger,
    /** Called with the error of a message that the broker does not take and that is skipped; null: all are sent again. */
    private readonly onSkipped: (error: ConnectionError | null) => void,
    /** Called with all topics when their set has changed. */
    private readonly onTopics: (topics: readonly string[]) => void = () => {},
  ) {
    this.#refusals = new RetainedRefusals(clock);
  }

  /** Whether a retained message may be the reason for the end of the last connection. */
  get isSuspect(): boolean {
    return this.#refusals.isCautious;
  }

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

  /** Sends the payload of a topic again, if it has one. */
  repeat(topic: string): void {
    this.#sent.delete(topic);
    this.#sendOnConnection?.(topic);
  }

  /**
   * Prepares for a new connection. If a retained message may be the reason for the end of the last one, sends all of them,
   * one at a time.
   * @throws ConnectionError
   */
  async begin(connection: Connection): Promise<void> {
    this.#sent.clear();
    this.#sending.clear();
    this.#refusals.onConnect();
    connection.closed.addEventListener('abort', () => {
      const skipped = this.#refusals.onConnectionEnd(connection.closed.reason);
      if (skipped) this.#setNotTaken(skipped.topic, skipped.error);
    });
    if (!this.isSuspect) return;
    for (const topic of [...this.#payloads.keys()]) await this.#send(connection, topic);
    this.#refusals.onAllAnswered();
  }

  /**
   * Sends all messages at once, then each new payload, but not one that is equal to the last one on this connection.
   * Never returns.
   * @throws ConnectionError, or the signal's reason
   */
  run(connection: Connection, signal: AbortSignal): Promise<never> {
    const failed = new Promise<never>((_, reject) => {
      this.#sendOnConnection = (topic) => void this.#send(connection, topic).catch(reject);
      for (const topic of this.#payloads.keys()) this.#sendOnConnection(topic);
    });
    return orAborted(failed, signal).finally(() => {
      this.#sendOnConnection = null;
    });
  }

  /** Sends the payload of a topic until it is the newest one. */
  async #send(connection: Connection, topic: string): Promise<void> {
    if (this.#sending.has(topic)) return;
    this.#sending.add(topic);
    for (;;) {
      const payload = this.#payloads.get(topic);
      if (!payload || this.#sent.get(topic)?.equals(payload)) break;
      this.#sent.set(topic, payload);
      if (this.#refusals.skips(topic, payload.length)) continue;
      this.#refusals.onSent(topic, payload.length);
      const isAccepted = await this.publishOrSkip(connection, topic, payload);
      this.#refusals.onAnswered(topic);
      if (isAccepted && payload.length === 0 && this.#payloads.get(topic) === payload) {
        this.#payloads.delete(topic);
        this.#sent.delete(topic);
        this.onTopics([...this.#payloads.keys()]);
      }
    }
    this.#sending.delete(topic);
  }

  /**
   * Publishes a retained message. If the broker refuses it, logs that and returns false, so that events are still sent.
   * @throws ConnectionError
   */
  async publishOrSkip(connection: Connection, topic: string, payload: string | Buffer): Promise<boolean> {
    try {
      await connection.publish(topic, payload, RETAINED, this.pubackDeadlineMs);
      this.#setNotTaken(topic, null);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof ConnectionError && isRefusal(thrown))) throw thrown;
      if (thrown.code === 'message-too-large') this.#setNotTaken(topic, thrown);
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
  #setNotTaken(topic: string, error: ConnectionError | null): void {
    if (this.#notTaken.has(topic) === (error !== null)) return;
    if (error) this.#notTaken.set(topic, error);
    else this.#notTaken.delete(topic);
    const [first = null] = this.#notTaken.values();
    this.onSkipped(first);
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
