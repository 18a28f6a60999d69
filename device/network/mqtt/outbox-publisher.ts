import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { sleep, withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { Acknowledger } from './acknowledger.js';
import { Backoff, type BackoffLimits } from './backoff.js';
import type { Connection } from './connection.js';
import { ConnectionError } from './connection-error.js';
import { type BrokerOptions, Connector } from './connector.js';
import { LatestMessage, publishOrSkip } from './latest-message.js';
import type { Outbox, Publisher, PublisherStatus } from './mqtt.js';
import { OutboxPump } from './outbox-pump.js';
import { deliveryOf, printTopic, type Topic, type TopicBase } from './topic.js';

export interface OutboxPublisherOptions extends TopicBase {
  readonly broker: BrokerOptions;
  /** Events on their way at once, 16 by default; fewer where the broker's receive maximum is less. */
  readonly window?: number;
  /** When it passes the connection is thrown away; 10 s by default. */
  readonly pubackDeadlineMs?: number;
  /** Between two connections: 1 s to 60 s by default. */
  readonly backoff?: BackoffLimits;
  /** Five minutes by default. */
  readonly safetyCheckMs?: number;
}

export interface OutboxPublisherParts {
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly log: Logger;
}

const AVAILABILITY: Topic = 'availability';
const DEFAULT_WINDOW = 16;
const DEFAULT_PUBACK_DEADLINE_MS = 10_000;
const DEFAULT_SAFETY_CHECK_MS = 300_000;
const DEFAULT_BACKOFF: BackoffLimits = { minMs: 1_000, maxMs: 60_000 };
/** Together below the second that `close` may take. */
const CLOSING_MS = { offline: 400, disconnect: 250, acknowledge: 250 };

/** Publishes over MQTT from an outbox, which is the only memory of what was sent: at least once, in order. */
export class OutboxPublisher implements Publisher {
  readonly #stop = new AbortController();
  readonly #connector: Connector;
  readonly #availability: string;
  readonly #info: LatestMessage;
  readonly #state: LatestMessage;
  readonly #acknowledger: Acknowledger;
  readonly #backoff: Backoff;
  readonly #bounds: BackoffLimits;
  readonly #pubackDeadlineMs: number;
  #pump: OutboxPump | null = null;
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
    this.#bounds = options.backoff ?? DEFAULT_BACKOFF;
    this.#backoff = this.#newBackoff();
    this.#availability = printTopic(options, AVAILABILITY);
    this.#connector = new Connector(options.broker, { topic: this.#availability, payload: 'offline' }, clock);
    const latest = (topic: Topic) =>
      new LatestMessage(printTopic(options, topic), deliveryOf(topic), this.#pubackDeadlineMs, log);
    this.#info = latest('info');
    this.#state = latest('state');
    const onErased = () => this.#pump?.wake();
    this.#acknowledger = new Acknowledger(outbox, clock, this.#newBackoff(), log, onErased);
  }

  start(): void {
    if (!this.#stop.signal.aborted) this.#running ??= this.#run(this.#stop.signal);
  }

  notify(): void {
    this.#pump?.notify();
  }

  info(payload: object): void {
    this.#info.set(payload);
  }

  state(payload: object): void {
    this.#state.set(payload);
  }

  status(): PublisherStatus {
    return { connected: this.#pump !== null, lastError: this.#lastError };
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
        await this.#connectAndServe(stop);
      } catch (thrown) {
        if (stop.aborted) return;
        const message = messageOf(thrown);
        const delayMs = Math.round(this.#backoff.nextMs());
        // A broker that is away for days is not worth a line a minute.
        log[message === this.#lastError ? 'debug' : 'warn']({ delayMs }, `${message}; connecting again`);
        this.#lastError = message;
        await sleep(clock, delayMs, stop).catch(() => {});
      }
    }
  }

  /** Ends only by throwing. */
  async #connectAndServe(stop: AbortSignal): Promise<never> {
    const { clock, log } = this.parts;
    const connection = await this.#connector.connect(stop);
    const connectedAtMs = clock.monotonicMs();
    log.info(`connected to the broker by MQTT ${connection.protocolVersion === 5 ? '5' : '3.1.1'}`);
    try {
      return await this.#serve(connection, stop);
    } finally {
      // A broker that greets and then refuses must not be called once a second: only one that stayed starts afresh.
      if (clock.monotonicMs() - connectedAtMs >= this.#bounds.maxMs) this.#backoff.reset();
    }
  }

  async #serve(connection: Connection, stop: AbortSignal): Promise<never> {
    const signal = AbortSignal.any([connection.closed, stop]);
    const pump = this.#newPump(connection);
    const tasks: Promise<never>[] = [];
    try {
      await Promise.race([this.#say('online', connection), aborted(signal)]);
      this.#lastError = null;
      this.#pump = pump;
      // In this order onto the wire: the pump has to read the outbox first.
      tasks.push(this.#info.run(connection, signal), this.#state.run(connection, signal), pump.run(signal));
      return await Promise.race(tasks);
    } catch (thrown) {
      throw connection.closed.aborted ? connection.closed.reason : thrown;
    } finally {
      this.#pump = null;
      if (stop.aborted) await this.#takeLeave(connection);
      connection.drop(new ConnectionError('connection-ended', 'connection given up'));
      await Promise.allSettled(tasks);
    }
  }

  async #takeLeave(connection: Connection): Promise<void> {
    try {
      await withDeadline(this.parts.clock, CLOSING_MS.offline, () => this.#say('offline', connection));
      await connection.end(CLOSING_MS.disconnect);
    } catch (thrown) {
      this.parts.log.warn(`the broker was not told: ${messageOf(thrown)}; its will message says it`);
    }
  }

  #say(word: 'online' | 'offline', connection: Connection): Promise<void> {
    const delivery = deliveryOf(AVAILABILITY);
    const { log } = this.parts;
    return publishOrSkip(connection, this.#availability, word, delivery, this.#pubackDeadlineMs, log);
  }

  #newPump(connection: Connection): OutboxPump {
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
      this.#newBackoff(),
      log,
    );
  }

  #newBackoff(): Backoff {
    return new Backoff(this.#bounds, this.parts.random);
  }
}

/** Rejects with the signal's reason. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
