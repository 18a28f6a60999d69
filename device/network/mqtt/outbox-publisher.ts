import type { Logger } from 'pino';
import type { PendingEvent } from '../../journal/journal.js';
import { Backoff, type BackoffLimits } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import { sleep } from '../../kit/deadline.js';
import { type Answer, failed } from '../../kit/errors.js';
import { type HealthListener, HealthReporter } from '../../kit/health.js';
import { Acknowledger } from './acknowledger.js';
import { BlockedTopics } from './blocked-topics.js';
import { type Connection, mqttVersionOf } from './connection.js';
import { type ConnectionError, type ConnectionErrorCode, connectionErrorFrom } from './connection-error.js';
import { type BrokerOptions, Connector } from './connector.js';
import { DeliveryHealth, limitsFault } from './delivery-health.js';
import { EventRefusals } from './event-refusals.js';
import {
  encodePayload,
  type MessageHandler,
  type Outbox,
  type Payload,
  type Publisher,
  type PublisherStatus,
  type PublishFault,
  type PublishOptions,
} from './mqtt.js';
import { OldTopics } from './old-topics.js';
import { OutboxPump } from './outbox-pump.js';
import { PublishedTopics } from './published-topics.js';
import { RetainedMessages } from './retained-messages.js';
import { RightsProof } from './rights-proof.js';
import { Session } from './session.js';
import { SingleMessages } from './single-messages.js';
import { Subscriptions } from './subscriptions.js';
import {
  isBinId,
  printTopic,
  printUnreservedTopic,
  type Topic,
  type TopicBase,
  TopicError,
} from './topic.js';

export interface OutboxPublisherOptions extends TopicBase {
  readonly broker: BrokerOptions;
  /** Maximum unacknowledged events, 16 by default. The broker's receive maximum applies if it is lower. */
  readonly window?: number;
  /** Deadline for a PUBACK or a SUBACK, 10 s by default. The connection is dropped when it passes. */
  readonly pubackDeadlineMs?: number;
  /** Delay between two attempts to connect, 1 s to 60 s by default. */
  readonly backoff?: BackoffLimits;
  /** Whether the first event of each topic must come back, on each connection with MQTT 3.1.1. False by default. */
  readonly proveRights?: boolean;
  /** File with the retained topics of the last run, so that those of an earlier bin id or prefix are removed. */
  readonly topicsFile?: string;
  /** Interval of the safety check, which reads the outbox without a notification. Five minutes by default. */
  readonly safetyCheckMs?: number;
}

export interface OutboxPublisherParts {
  readonly clock: Clock;
  /** Returns a number from 0 to below 1. */
  readonly random: () => number;
  readonly log: Logger;
}

const DEFAULT_WINDOW = 16;
const DEFAULT_PUBACK_DEADLINE_MS = 10_000;
const DEFAULT_SAFETY_CHECK_MS = 300_000;
const DEFAULT_BACKOFF: BackoffLimits = { minMs: 1_000, maxMs: 60_000 };
/** With the deadlines in `Session`, the sum is below the limit of one second for `close`. */
const CLOSING_ACKNOWLEDGER_MS = 250;

/** Publishes the events of an outbox over MQTT, in order and at least once. Only the outbox records what was sent. */
export class OutboxPublisher implements Publisher {
  readonly #stop = new AbortController();
  readonly #connector: Connector;
  readonly #availability: string;
  readonly #retained: RetainedMessages;
  readonly #published: PublishedTopics | null;
  readonly #oldTopics: OldTopics | null;
  readonly #single: SingleMessages;
  readonly #subscriptions: Subscriptions;
  readonly #acknowledger: Acknowledger;
  readonly #refusals = new EventRefusals();
  readonly #blocked: BlockedTopics;
  readonly #refusalBackoff: Backoff;
  readonly delivery = new DeliveryHealth();
  readonly #health = new HealthReporter<ConnectionErrorCode>();
  readonly #backoff: Backoff;
  readonly #backoffLimits: BackoffLimits;
  readonly #pubackDeadlineMs: number;
  #session: Session | null = null;
  #connections = 0;
  /** The error of a retained message that the broker does not take. */
  #skipped: ConnectionError | null = null;
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
    this.#refusalBackoff = this.#makeBackoff();
    this.#blocked = new BlockedTopics(clock, () => this.#makeBackoff(), this.delivery);
    this.#availability = printTopic(options, 'availability');
    this.#connector = new Connector(options.broker, { topic: this.#availability, payload: 'offline' }, clock);
    const base = this.#availability.replace(/availability$/, '');
    const { topicsFile } = options;
    const published = topicsFile === undefined ? null : new PublishedTopics(topicsFile, base, log);
    this.#published = published;
    this.#oldTopics = published && new OldTopics(published, this.#pubackDeadlineMs, clock, log);
    this.#retained = new RetainedMessages(
      this.#pubackDeadlineMs,
      clock,
      log,
      (error) => {
        this.#skipped = error;
        this.#reportLimits();
      },
      (topics) => published?.save([this.#availability, ...topics]),
    );
    this.#single = new SingleMessages(this.#pubackDeadlineMs);
    this.#subscriptions = new Subscriptions(options, this.#pubackDeadlineMs, log);
    const onErased = () => this.#session?.pump.wake();
    this.#acknowledger = new Acknowledger(outbox, clock, this.#makeBackoff(), log, onErased);
  }

  start(): void {
    if (this.#stop.signal.aborted || this.#running) return;
    // This run has no message for them. An empty one removes them; one that comes later replaces it.
    for (const topic of this.#published?.unused ?? [])
      if (topic !== this.#availability) this.#retained.set(topic, Buffer.alloc(0));
    this.#running = this.#run(this.#stop.signal);
    this.notifyUndeliverable();
  }

  notify(): void {
    this.#session?.pump.notify();
  }

  notifyUndeliverable(): void {
    this.#session?.pump.restart();
    void this.delivery.readUndeliverable(this.outbox, this.parts.clock);
  }

  retain(topic: Topic, payload: Payload | null): void {
    this.#retained.set(printUnreservedTopic(this.options, topic), encodePayload(payload ?? ''));
  }

  repeat(topic: Topic): void {
    this.#retained.repeat(printUnreservedTopic(this.options, topic));
  }

  async publish(
    topic: Topic,
    payload: Payload,
    options: PublishOptions = {},
  ): Promise<Answer<void, PublishFault>> {
    const connection = this.#session?.isOnline ? this.#session.connection : null;
    try {
      const name = printUnreservedTopic(this.options, topic);
      return await this.#single.publish(connection, name, encodePayload(payload), options);
    } catch (thrown) {
      if (!(thrown instanceof TopicError)) throw thrown;
      return failed(thrown.code, thrown.message);
    }
  }

  subscribe(filter: Topic, handler: MessageHandler): () => void {
    return this.#subscriptions.add(filter, handler);
  }

  onHealth(listener: HealthListener<ConnectionErrorCode>): void {
    this.#health.onHealth(listener);
  }

  status(): PublisherStatus {
    return {
      connected: this.#session?.isOnline ?? false,
      lastError: this.#health.fault?.message ?? null,
      connections: this.#connections,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#acknowledger.close(CLOSING_ACKNOWLEDGER_MS);
  }

  async #run(stop: AbortSignal): Promise<void> {
    const { clock, log } = this.parts;
    while (!stop.aborted) {
      try {
        await this.#connectAndPublish(stop);
      } catch (thrown) {
        if (stop.aborted) return;
        const { code, message } = connectionErrorFrom(thrown);
        const delayMs = Math.round(this.#backoff.nextMs());
        log.debug({ part: 'broker', code, delayMs }, message);
        this.#health.set({ code, message });
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
    this.#session = this.#makeSession(connection);
    this.#reportLimits();
    try {
      return await this.#session.run(stop, () => {
        this.#connections += 1;
        this.#health.set(null);
        void this.#oldTopics?.removeOn(connection);
      });
    } finally {
      this.#session = null;
      // A broker may accept, then close. Resetting at once would retry every `minMs`.
      if (clock.monotonicMs() - connectedAtMs >= this.#backoffLimits.maxMs) this.#backoff.reset();
    }
  }

  #makeSession(connection: Connection): Session {
    const { clock, log } = this.parts;
    const needsProof = this.options.proveRights === true && connection.protocolVersion === 4;
    const pump = new OutboxPump(
      connection,
      {
        topicOf: (event) => this.#topicOf(event),
        window: this.options.window ?? DEFAULT_WINDOW,
        pubackDeadlineMs: this.#pubackDeadlineMs,
        safetyCheckMs: this.options.safetyCheckMs ?? DEFAULT_SAFETY_CHECK_MS,
      },
      {
        outbox: this.outbox,
        acknowledger: this.#acknowledger,
        refusals: this.#refusals,
        blocked: this.#blocked,
        retained: this.#retained,
        health: this.delivery,
        clock,
        outboxBackoff: this.#makeBackoff(),
        refusalBackoff: this.#refusalBackoff,
        log,
      },
      needsProof ? new RightsProof(connection, this.#pubackDeadlineMs, clock) : null,
    );
    return new Session(connection, {
      availability: this.#availability,
      retained: this.#retained,
      subscriptions: this.#subscriptions,
      pump,
      clock,
      log,
    });
  }

  #reportLimits(): void {
    const limits = this.#session?.connection.limits;
    this.delivery.set('limits', limitsFault(limits ?? null, this.#skipped));
  }

  /** An event belongs to the bin that recorded it, also if the id of the bin has changed since then. */
  #topicOf({ bin }: PendingEvent): string {
    const { prefix } = this.options;
    return printTopic(bin !== null && isBinId(bin) ? { prefix, bin } : this.options, 'event');
  }

  #makeBackoff(): Backoff {
    return new Backoff(this.#backoffLimits, this.parts.random);
  }
}
