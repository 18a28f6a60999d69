import type { Logger } from 'pino';
import type { PendingEvent } from '../../../device/journal/journal.js';
import { AutoResetEvent } from '../../../device/kit/auto-reset-event.js';
import type { Clock } from '../../../device/kit/clock.js';
import { sleep, withDeadline } from '../../../device/kit/deadline.js';
import { messageOf } from '../../../device/kit/errors.js';
import { OUTBOX_DEADLINE_MS } from '../../../device/network/mqtt/acknowledger.js';
import type { Outbox, Publisher, PublisherStatus } from '../../../device/network/mqtt/mqtt.js';

export interface SimulatedPublisherOptions {
  /** Whether the broker is up at the start, true by default. */
  readonly connected?: boolean;
  /** Delay before a retry after a failure or a swallowed acknowledgement. */
  readonly retryMs?: number;
  /** Maximum events in `sent`. The oldest are removed first. */
  readonly keep?: number;
}

const DOWN = 'the simulated broker is down';
const BATCH = 16;
const DEFAULT_RETRY_MS = 10_000;
const DEFAULT_KEEP = 1_000;

/** A publisher with its broker in memory. Tests can inspect what was sent. */
export class SimulatedPublisher implements Publisher {
  /** Every event that arrived, including repetitions. */
  readonly sent: PendingEvent[] = [];
  /** The retained messages that a late subscriber would receive. */
  readonly retained: { availability?: 'online' | 'offline'; info?: object; state?: object } = {};
  readonly #stop = new AbortController();
  readonly #workAvailable = new AutoResetEvent();
  readonly #latest: { info?: object; state?: object } = {};
  #reachable: boolean;
  #connected = false;
  #toSwallow = 0;
  #lastError: string | null = null;
  #running: Promise<void> | null = null;

  constructor(
    private readonly outbox: Outbox,
    private readonly parts: { readonly clock: Clock; readonly log: Logger },
    private readonly options: SimulatedPublisherOptions = {},
  ) {
    this.#reachable = options.connected ?? true;
    if (!this.#reachable) this.#lastError = DOWN;
  }

  /** Makes the broker reachable. */
  connect(): void {
    this.#reachable = true;
    this.#workAvailable.set();
  }

  /** Makes the broker unreachable. The will `offline` is published. */
  disconnect(): void {
    this.#reachable = false;
    if (this.#connected) this.retained.availability = 'offline';
    this.#connected = false;
    this.#lastError = DOWN;
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

  info(payload: object): void {
    this.#latest.info = structuredClone(payload);
    this.#publishLatest();
  }

  state(payload: object): void {
    this.#latest.state = structuredClone(payload);
    this.#publishLatest();
  }

  status(): PublisherStatus {
    return { connected: this.#connected, lastError: this.#lastError };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    if (this.#connected) this.retained.availability = 'offline';
    this.#connected = false;
    await this.#running;
  }

  #publishLatest(): void {
    if (this.#connected) Object.assign(this.retained, this.#latest);
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
    const rows = await withDeadline(clock, OUTBOX_DEADLINE_MS, () => this.outbox.pending(0, BATCH), stop);
    if (!this.#connected) return 'more';
    const seqs = rows.filter((row) => this.#receive(row)).map((row) => row.seq);
    if (seqs.length > 0) {
      await withDeadline(clock, OUTBOX_DEADLINE_MS, () => this.outbox.acknowledge(seqs), stop);
    }
    if (seqs.length < rows.length) return 'unacknowledged';
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
    this.#lastError = null;
    this.retained.availability = 'online';
    this.#publishLatest();
  }
}
