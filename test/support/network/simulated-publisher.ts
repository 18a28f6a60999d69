import type { Logger } from 'pino';
import type { PendingEvent } from '../../../device/journal/journal.js';
import { AutoResetEvent } from '../../../device/kit/auto-reset-event.js';
import type { Clock } from '../../../device/kit/clock.js';
import { sleep, withDeadline } from '../../../device/kit/deadline.js';
import { type Answer, done, failed, messageOf } from '../../../device/kit/errors.js';
import { type HealthListener, HealthReporter } from '../../../device/kit/health.js';
import { OUTBOX_DEADLINE_MS } from '../../../device/network/mqtt/acknowledger.js';
import type { ConnectionErrorCode } from '../../../device/network/mqtt/connection-error.js';
import {
  type DeliveryFaultCode,
  encodePayload,
  type MessageHandler,
  type Outbox,
  type Payload,
  type Publisher,
  type PublisherStatus,
  type PublishFault,
} from '../../../device/network/mqtt/mqtt.js';
import { Subscriptions } from '../../../device/network/mqtt/subscriptions.js';
import {
  printTopic,
  printUnreservedTopic,
  type Topic,
  TopicError,
} from '../../../device/network/mqtt/topic.js';

export interface SimulatedPublisherOptions {
  /** Whether the broker is up at the start, true by default. */
  readonly connected?: boolean;
  /** Delay before a retry after a failure or a swallowed acknowledgement. */
  readonly retryMs?: number;
  /** Maximum events in `sent`. The oldest are removed first. */
  readonly keep?: number;
}

const BASE = { prefix: 'sortbin', bin: 'kitchen' };
const AVAILABILITY = printTopic(BASE, 'availability');
const DOWN = { code: 'broker-unreachable', message: 'the simulated broker is down' } as const;
const BATCH = 16;
const DEFAULT_RETRY_MS = 10_000;
const DEFAULT_KEEP = 1_000;

/** A publisher of the bin `sortbin/kitchen` with its broker in memory. Tests can inspect what was sent. */
export class SimulatedPublisher implements Publisher {
  /** Every event that arrived, including repetitions. */
  readonly sent: PendingEvent[] = [];
  /** The retained messages that a late subscriber would receive, by full topic. */
  readonly retained = new Map<string, string>();
  /** The messages of `publish`. */
  readonly published: { readonly topic: string; readonly payload: string }[] = [];
  /** The full topics of `repeat`. */
  readonly repeated: string[] = [];
  readonly delivery = new HealthReporter<DeliveryFaultCode>();
  readonly #stop = new AbortController();
  readonly #workAvailable = new AutoResetEvent();
  readonly #latest = new Map<string, string>();
  readonly #subscriptions: Subscriptions;
  readonly #health = new HealthReporter<ConnectionErrorCode>();
  #reachable: boolean;
  #connected = false;
  #connections = 0;
  #toSwallow = 0;
  #running: Promise<void> | null = null;

  constructor(
    private readonly outbox: Outbox,
    private readonly parts: { readonly clock: Clock; readonly log: Logger },
    private readonly options: SimulatedPublisherOptions = {},
  ) {
    this.#reachable = options.connected ?? true;
    if (!this.#reachable) this.#health.set(DOWN);
    this.#subscriptions = new Subscriptions(BASE, OUTBOX_DEADLINE_MS, parts.log);
  }

  /** Makes the broker reachable. */
  connect(): void {
    this.#reachable = true;
    this.#workAvailable.set();
  }

  /** Makes the broker unreachable. The will `offline` is published. */
  disconnect(): void {
    this.#reachable = false;
    if (this.#connected) this.retained.set(AVAILABILITY, 'offline');
    this.#connected = false;
    this.#health.set(DOWN);
  }

  /** Publishes a message as another client of the broker. */
  deliver(topic: string, payload: string, retain = false): void {
    if (!this.#connected) return;
    this.#subscriptions.deliver({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain });
  }

  /** Makes the broker receive the next `count` events without acknowledging them. */
  swallowAcknowledgements(count: number): void {
    this.#toSwallow += count;
  }

  start(): void {
    if (!this.#stop.signal.aborted) this.#running ??= this.#run(this.#stop.signal);
  }

  notify(): void {
    this.#workAvailable.set();
  }

  notifyUndeliverable(): void {
    this.#workAvailable.set();
  }

  retain(topic: Topic, payload: Payload | null): void {
    this.#latest.set(printUnreservedTopic(BASE, topic), encodePayload(payload ?? '').toString());
    this.#publishLatest();
  }

  repeat(topic: Topic): void {
    const name = printUnreservedTopic(BASE, topic);
    if (this.#latest.has(name)) this.repeated.push(name);
    this.#publishLatest();
  }

  async publish(topic: Topic, payload: Payload): Promise<Answer<void, PublishFault>> {
    try {
      const name = printUnreservedTopic(BASE, topic);
      if (!this.#connected) return failed('not-connected', DOWN.message);
      this.published.push({ topic: name, payload: encodePayload(payload).toString() });
      return done(undefined);
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
    const lastError = this.#health.fault?.message ?? null;
    return { connected: this.#connected, lastError, connections: this.#connections };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    if (this.#connected) this.retained.set(AVAILABILITY, 'offline');
    this.#connected = false;
    await this.#running;
  }

  #publishLatest(): void {
    if (!this.#connected) return;
    for (const [topic, payload] of this.#latest) {
      if (payload === '') {
        this.retained.delete(topic);
        this.#latest.delete(topic);
      } else this.retained.set(topic, payload);
    }
  }

  async #run(stop: AbortSignal): Promise<void> {
    const { clock, log } = this.parts;
    const retryMs = this.options.retryMs ?? DEFAULT_RETRY_MS;
    while (!stop.aborted) {
      try {
        const outcome = await this.#sendSome(stop);
        if (outcome === 'unacknowledged') await sleep(clock, retryMs, stop);
        if (outcome === 'nothing-to-do') await this.#workAvailable.wait(stop);
      } catch (thrown) {
        if (stop.aborted) return;
        log.error(`outbox failed: ${messageOf(thrown)}`);
        await sleep(clock, retryMs, stop).catch(() => {});
      }
    }
  }

  async #sendSome(stop: AbortSignal): Promise<'more' | 'unacknowledged' | 'nothing-to-do'> {
    if (!this.#reachable) return 'nothing-to-do';
    if (!this.#connected) this.#goOnline();
    const { clock } = this.parts;
    const rows = await withDeadline(clock, OUTBOX_DEADLINE_MS, () => this.outbox.pending(null, BATCH), stop);
    if (!this.#connected) return 'more';
    const sent = rows.filter((row) => this.#receive(row));
    if (sent.length > 0) {
      await withDeadline(clock, OUTBOX_DEADLINE_MS, () => this.outbox.acknowledge(sent), stop);
    }
    if (sent.length < rows.length) return 'unacknowledged';
    return rows.length === BATCH ? 'more' : 'nothing-to-do';
  }

  /** Records an event. Returns whether the broker acknowledges it. */
  #receive(row: PendingEvent): boolean {
    this.sent.push(row);
    if (this.sent.length > (this.options.keep ?? DEFAULT_KEEP)) this.sent.shift();
    if (this.#toSwallow === 0) return true;
    this.#toSwallow--;
    return false;
  }

  #goOnline(): void {
    this.#connected = true;
    this.#connections += 1;
    this.#health.set(null);
    this.retained.set(AVAILABILITY, 'online');
    this.#publishLatest();
  }
}
