import type { Logger } from 'pino';
import { Backoff, type BackoffLimits } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import { orAborted, sleep, withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { Acknowledger } from './acknowledger.js';
import { type Connection, mqttVersionOf } from './connection.js';
import { ConnectionError } from './connection-error.js';
import { type BrokerOptions, Connector } from './connector.js';
import { LatestMessage, publishOrSkip } from './latest-message.js';
import type { Outbox, Publisher, PublisherStatus } from './mqtt.js';
import { OutboxPump } from './outbox-pump.js';
import { deliveryOf, printTopic, type Topic, type TopicBase } from './topic.js';

export interface OutboxPublisherOptions extends TopicBase {
  readonly broker: BrokerOptions;
  /** Maximum unacknowledged events, 16 by default. The broker's receive maximum applies if it is lower. */
  readonly window?: number;
  /** Deadline for a PUBACK, 10 s by default. The connection is dropped when it passes. */
  readonly pubackDeadlineMs?: number;
  /** Delay between two attempts to connect, 1 s to 60 s by default. */
  readonly backoff?: BackoffLimits;
  /** Interval of the safety check, which reads the outbox without a notification. Five minutes by default. */
  readonly safetyCheckMs?: number;
}

export interface OutboxPublisherParts {
  readonly clock: Clock;
  /** Returns a number from 0 to below 1. */
  readonly random: () => number;
  readonly log: Logger;
}

const AVAILABILITY: Topic = 'availability';
const DEFAULT_WINDOW = 16;
const DEFAULT_PUBACK_DEADLINE_MS = 10_000;
const DEFAULT_SAFETY_CHECK_MS = 300_000;
const DEFAULT_BACKOFF: BackoffLimits = { minMs: 1_000, maxMs: 60_000 };
/** Deadlines of the steps of `close`. Their sum is below the limit of one second. */
const CLOSING_MS = { offline: 400, disconnect: 250, acknowledge: 250 };

/** Publishes the events of an outbox over MQTT, in order and at least once. Only the outbox records what was sent. */
export class OutboxPublisher implements Publisher {
  readonly #stop = new AbortController();
  readonly #connector: Connector;
  readonly #availability: string;
  readonly #info: LatestMessage;
  readonly #state: LatestMessage;
  readonly #acknowledger: Acknowledger;
  readonly #backoff: Backoff;
  readonly #backoffLimits: BackoffLimits;
  readonly #pubackDeadlineMs: number;
  #activePump: OutboxPump | null = null;
  #lastError: string | null = null;
  #running: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  /** @throws TopicError, or ConnectionError `broker-url-invalid` */
  constructor(
    private readonly outbox: Outbox,
    private readonly options: OutboxPublisherOptions,
    private readonly parts: OutboxPublisherParts,
  ) {
    const { clock, log } = parts;
    this.#pubackDeadlineMs = options.pubackDeadlineMs ?? DEFAULT_PUBACK_DEADLINE_MS;
    this.#backoffLimits = options.backoff ?? DEFAULT_BACKOFF;
    this.#backoff = this.#makeBackoff();
    this.#availability = printTopic(options, AVAILABILITY);
    this.#connector = new Connector(options.broker, { topic: this.#availability, payload: 'offline' }, clock);
    const latest = (topic: Topic) =>
      new LatestMessage(printTopic(options, topic), deliveryOf(topic), this.#pubackDeadlineMs, log);
    this.#info = latest('info');
    this.#state = latest('state');
    const onErased = () => this.#activePump?.wake();
    this.#acknowledger = new Acknowledger(outbox, clock, this.#makeBackoff(), log, onErased);
  }

  start(): void {
    if (!this.#stop.signal.aborted) this.#running ??= this.#run(this.#stop.signal);
  }

  notify(): void {
    this.#activePump?.notify();
  }

  info(payload: object): void {
    this.#info.set(payload);
  }

  state(payload: object): void {
    this.#state.set(payload);
  }

  status(): PublisherStatus {
    return { connected: this.#activePump !== null, lastError: this.#lastError };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#acknowledger.close(CLOSING_MS.acknowledge);
  }

  async #run(stop: AbortSignal): Promise<void> {
    const { clock, log } = this.parts;
    while (!stop.aborted) {
      try {
        await this.#connectAndPublish(stop);
      } catch (thrown) {
        if (stop.aborted) return;
        const message = messageOf(thrown);
        const code = thrown instanceof ConnectionError ? thrown.code : undefined;
        const delayMs = Math.round(this.#backoff.nextMs());
        // A broker may be down for days: log the same error once, not every minute.
        const level = message === this.#lastError ? 'debug' : 'warn';
        log[level]({ part: 'broker', code, delayMs }, message);
        this.#lastError = message;
        await sleep(clock, delayMs, stop).catch(() => {});
      }
    }
  }

  /** Never returns. Throws when the connection fails or ends. */
  async #connectAndPublish(stop: AbortSignal): Promise<never> {
    const { clock, log } = this.parts;
    const connection = await this.#connector.connect(stop);
    const connectedAtMs = clock.monotonicMs();
    log.info({ mqtt: mqttVersionOf(connection.protocolVersion) }, 'connected to the broker');
    try {
      return await this.#publish(connection, stop);
    } finally {
      // A broker may accept, then close. Resetting at once would retry every `minMs`.
      if (clock.monotonicMs() - connectedAtMs >= this.#backoffLimits.maxMs) this.#backoff.reset();
    }
  }

  async #publish(connection: Connection, stop: AbortSignal): Promise<never> {
    const signal = AbortSignal.any([connection.closed, stop]);
    const pump = this.#makePump(connection);
    const tasks: Promise<never>[] = [];
    try {
      await orAborted(this.#publishAvailability('online', connection), signal);
      this.#lastError = null;
      this.#activePump = pump;
      // The pump reads the outbox before it sends, so `info` and `state` precede the events.
      tasks.push(this.#info.run(connection, signal), this.#state.run(connection, signal), pump.run(signal));
      return await Promise.race(tasks);
    } catch (thrown) {
      throw connection.closed.aborted ? connection.closed.reason : thrown;
    } finally {
      this.#activePump = null;
      if (stop.aborted) await this.#disconnect(connection);
      connection.drop(new ConnectionError('connection-ended', 'connection dropped'));
      await Promise.allSettled(tasks);
    }
  }

  async #disconnect(connection: Connection): Promise<void> {
    try {
      await withDeadline(this.parts.clock, CLOSING_MS.offline, () =>
        this.#publishAvailability('offline', connection),
      );
      await connection.end(CLOSING_MS.disconnect);
    } catch (thrown) {
      this.parts.log.warn(
        { part: 'broker' },
        `failed to publish "offline": ${messageOf(thrown)}. The broker publishes the will message instead.`,
      );
    }
  }

  #publishAvailability(payload: 'online' | 'offline', connection: Connection): Promise<void> {
    const delivery = deliveryOf(AVAILABILITY);
    const { log } = this.parts;
    return publishOrSkip(connection, this.#availability, payload, delivery, this.#pubackDeadlineMs, log);
  }

  #makePump(connection: Connection): OutboxPump {
    const event: Topic = 'event';
    const options = {
      topic: printTopic(this.options, event),
      delivery: deliveryOf(event),
      window: this.options.window ?? DEFAULT_WINDOW,
      pubackDeadlineMs: this.#pubackDeadlineMs,
      safetyCheckMs: this.options.safetyCheckMs ?? DEFAULT_SAFETY_CHECK_MS,
    };
    const { clock, log } = this.parts;
    return new OutboxPump(
      connection,
      this.outbox,
      this.#acknowledger,
      options,
      clock,
      this.#makeBackoff(),
      log,
    );
  }

  #makeBackoff(): Backoff {
    return new Backoff(this.#backoffLimits, this.parts.random);
  }
}
