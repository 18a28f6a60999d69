import type { EventKey, PendingEvent } from '../../journal/journal.js';
import { AutoResetEvent } from '../../kit/auto-reset-event.js';
import type { Backoff } from '../../kit/backoff.js';
import { sleep, withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { type Acknowledger, OUTBOX_DEADLINE_MS } from './acknowledger.js';
import type { BlockedTopics, Obstacle } from './blocked-topics.js';
import type { Connection, Delivery } from './connection.js';
import { type ConnectionError, connectionErrorFrom, isRefusal } from './connection-error.js';
import type { DeliveryHealth } from './delivery-health.js';
import type { EventRefusals, Suspect, Verdict } from './event-refusals.js';
import { makeIntervals } from './interval.js';
import { OutboxReader, type OutboxReaderParts } from './outbox-reader.js';
import type { RetainedMessages } from './retained-messages.js';
import type { RightsProof } from './rights-proof.js';

const EVENT: Delivery = { qos: 1, retain: false };

/** Maximum events that were sent and are still in the outbox, if the window is not larger. A crash sends them again. */
const MAX_UNERASED = 64;

export interface OutboxPumpOptions {
  /** Returns the topic of an event. */
  readonly topicOf: (event: PendingEvent) => string;
  /** Maximum events without a PUBACK. */
  readonly window: number;
  readonly pubackDeadlineMs: number;
  /** Interval of the safety check, which reads the outbox without a notification. */
  readonly safetyCheckMs: number;
}

/** What a pump shares with the pumps of other connections. */
export interface OutboxPumpParts extends OutboxReaderParts {
  readonly acknowledger: Acknowledger;
  readonly refusals: EventRefusals;
  readonly blocked: BlockedTopics;
  readonly retained: Pick<RetainedMessages, 'isSuspect'>;
  readonly health: DeliveryHealth;
  /** Pauses before a refused event is sent again. */
  readonly refusalBackoff: Backoff;
}

/**
 * Sends events from the outbox on one connection, oldest first, with a limited number unacknowledged. A new connection
 * gets a new pump, which reads the outbox from the start: events without a PUBACK are still there. While the broker
 * refuses an event, no event after it is sent. While it refuses all events of a topic, those of other topics are sent.
 */
export class OutboxPump {
  readonly #workAvailable = new AutoResetEvent();
  /** Sent, without an answer, in the order of sending. */
  readonly #inFlight = new Map<string, { readonly row: PendingEvent; readonly answered: Promise<void> }>();
  /** Refused, with the verdict and the broker's reason. */
  readonly #refused = new Map<PendingEvent, { readonly verdict: Verdict; readonly reason: string }>();
  /** In flight. Nothing else is sent before its answer. */
  #alone: PendingEvent | null = null;
  /** The broker has accepted the last event that was sent again, so it probably accepts the other refused ones too. */
  #hasRecovered = false;
  /** The event because of which the broker ended the connection. */
  #tooLarge: { readonly event: PendingEvent; readonly reason: string } | null = null;
  /** The event without a PUBACK because of which this side ended the connection. */
  #unanswered: { readonly event: PendingEvent; readonly error: ConnectionError } | null = null;
  readonly #reader: OutboxReader;

  constructor(
    private readonly connection: Connection,
    private readonly options: OutboxPumpOptions,
    private readonly parts: OutboxPumpParts,
    /** null: the broker's acknowledgement is enough. */
    private readonly proof: RightsProof | null,
  ) {
    this.#reader = new OutboxReader(parts, parts.blocked.readUpTo);
  }

  /** Notifies the pump of new events in the outbox. */
  notify(): void {
    this.#reader.notify();
    this.#workAvailable.set();
  }

  /** Reads the outbox from the start, because undeliverable events may be sent again. */
  restart(): void {
    this.#reader.restart();
    this.parts.blocked.readUpTo = null;
    this.#workAvailable.set();
  }

  /** Notifies the pump of acknowledged events that have left the outbox: the window has free places. */
  wake(): void {
    this.#workAvailable.set();
  }

  /** Sends events until the signal is aborted, then throws its reason. A message without an answer drops the connection. */
  async run(signal: AbortSignal): Promise<never> {
    const intervals = makeIntervals(this.parts.clock);
    const safetyCheck = intervals.set(() => this.notify(), this.options.safetyCheckMs);
    try {
      for (;;) {
        this.#sendQueued();
        if (this.#refused.size > 0 && this.#inFlight.size === 0) await this.#handleRefused(signal);
        else if (this.#reader.needsRead && this.#freePlaces > 0) await this.#reader.read(signal);
        else {
          if (this.#inFlight.size === 0 && !this.#reader.first) this.#tryBlocked();
          await this.#waitForWork(signal);
        }
      }
    } catch (thrown) {
      await this.#onConnectionEnd(thrown);
      throw thrown;
    } finally {
      intervals.clear(safetyCheck);
    }
  }

  get #freePlaces(): number {
    if (this.#refused.size > 0 || this.#alone) return 0;
    const { acknowledger } = this.parts;
    const { window } = this.options;
    const most = Math.min(window, this.connection.limits.receiveMaximum);
    const mostUnerased = Math.max(window, MAX_UNERASED) - acknowledger.size;
    return Math.min(most, mostUnerased) - this.#inFlight.size;
  }

  /** Sends what was read, as far as the window allows. Events of a blocked topic stay in the outbox. */
  #sendQueued(): void {
    const { acknowledger, blocked } = this.parts;
    while (this.#freePlaces > 0) {
      const row = this.#reader.first;
      if (!row) return;
      const topic = this.options.topicOf(row);
      if (this.#inFlight.has(textOf(row)) || acknowledger.has(row)) this.#reader.take();
      else if (blocked.has(topic)) {
        this.#reader.take();
        blocked.onWaiting(topic, row);
      } else if (!this.#needsAlone(row, topic)) {
        this.#reader.take();
        this.#send(row);
      } else if (this.#inFlight.size === 0) {
        this.#reader.take();
        this.#sendAlone(row);
      } else return;
    }
  }

  /** Sends an event of a blocked topic, if one is due. The events of other topics precede it: it may cost the connection. */
  #tryBlocked(): void {
    const { blocked } = this.parts;
    const event = blocked.next();
    if (!event) return;
    blocked.readUpTo = this.#reader.readUpTo;
    this.#sendAlone(event);
  }

  #sendAlone(row: PendingEvent): void {
    this.#alone = row;
    this.#send(row);
  }

  async #waitForWork(signal: AbortSignal): Promise<void> {
    const { blocked, clock } = this.parts;
    const { dueInMs } = blocked;
    // An event that is due now can wait for others. Their answers wake the pump, or the removal from the outbox does.
    const isWaiting = dueInMs === 0 && (this.#inFlight.size > 0 || this.#reader.first !== undefined);
    const hasTimer = dueInMs !== null && !isWaiting;
    const cancel = hasTimer ? clock.after(dueInMs, () => this.#workAvailable.set()) : () => {};
    try {
      await this.#workAvailable.wait(signal);
    } finally {
      cancel();
    }
  }

  #needsAlone(row: PendingEvent, topic: string): boolean {
    return this.parts.refusals.needsAlone(row) || this.proof?.covers(topic) === false;
  }

  #send(row: PendingEvent): void {
    const { topicOf, pubackDeadlineMs } = this.options;
    const topic = topicOf(row);
    const published =
      this.proof?.covers(topic) === false
        ? this.proof.publish(topic, row, EVENT)
        : this.connection.publish(topic, row.json, EVENT, pubackDeadlineMs);
    const answered = published.then(
      () => this.#onAccepted(row),
      (thrown: unknown) => this.#onFailed(row, connectionErrorFrom(thrown)),
    );
    this.#inFlight.set(textOf(row), { row, answered });
  }

  #onAccepted(row: PendingEvent): void {
    const { acknowledger, refusals, refusalBackoff, health } = this.parts;
    const topic = this.options.topicOf(row);
    this.#inFlight.delete(textOf(row));
    refusals.onAccepted(row, topic);
    this.#unblock(topic);
    const wasAlone = this.#alone === row;
    if (wasAlone) {
      this.#alone = null;
      this.#hasRecovered = true;
    }
    if (wasAlone || this.#refused.size === 0) {
      refusalBackoff.reset();
      health.set('refused', null);
    }
    acknowledger.add({ epoch: row.epoch, seq: row.seq });
    this.#workAvailable.set();
  }

  #onFailed(row: PendingEvent, error: ConnectionError): void {
    if (this.connection.closed.aborted || !isRefusal(error)) {
      if (error.code === 'message-too-large') this.#tooLarge = { event: row, reason: error.message };
      if (error.code === 'no-puback' && !this.connection.closed.aborted)
        this.#unanswered = { event: row, error };
      this.connection.drop(error);
      return;
    }
    const { refusals, health } = this.parts;
    const topic = this.options.topicOf(row);
    this.#inFlight.delete(textOf(row));
    if (this.#alone === row) this.#alone = null;
    this.#hasRecovered = false;
    const verdict = refusals.onRefused(row, topic, error);
    const code = error.code === 'not-authorised' ? 'mqtt-not-authorised' : 'event-refused';
    const fault = { code, message: retryMessage(row, error.message) } as const;
    if (verdict === 'blocked') {
      // Only the proof of the rights has no reason code.
      this.#block(row, { fault, isForAll: error.reasonCode === null, suggestsRights: true });
    } else {
      this.#refused.set(row, { verdict, reason: error.message });
      if (verdict !== 'undeliverable') health.set('refused', fault);
    }
    this.#workAvailable.set();
  }

  #block(row: PendingEvent, obstacle: Obstacle): void {
    this.parts.blocked.onFailed(this.options.topicOf(row), row, obstacle);
  }

  /** The broker takes the events of a topic again: those that were left in the outbox are read and sent. */
  #unblock(topic: string): void {
    if (this.parts.blocked.unblock(topic)) this.restart();
  }

  /** Handles the oldest refused event. */
  async #handleRefused(signal: AbortSignal): Promise<void> {
    const { clock, refusalBackoff } = this.parts;
    const [oldest] = [...this.#refused].sort(([a], [b]) => a.seq - b.seq);
    if (!oldest) return;
    const [row, { verdict, reason }] = oldest;
    if (verdict === 'undeliverable') {
      const mark = () => this.#mark(row, reason);
      const marked = await this.#reader.tryCall(`mark event ${row.seq} as undeliverable`, mark, signal);
      if (marked === null) return;
      this.#refused.delete(row);
      return this.#onUndeliverable(row);
    }
    if (verdict === 'retry' && !this.#hasRecovered)
      await sleep(clock, Math.round(refusalBackoff.nextMs()), signal);
    this.#refused.delete(row);
    this.#sendAlone(row);
  }

  #mark({ epoch, seq }: PendingEvent, reason: string): Promise<void> {
    const { outbox, clock } = this.parts;
    return outbox.markUndeliverable({ epoch, seq }, reason, new Date(clock.wallMs()).toISOString());
  }

  async #onUndeliverable(row: PendingEvent): Promise<void> {
    const { outbox, clock, refusals, refusalBackoff, health } = this.parts;
    refusals.onUndeliverable(row);
    this.#unblock(this.options.topicOf(row));
    refusalBackoff.reset();
    health.set('refused', null);
    await health.readUndeliverable(outbox, clock);
  }

  async #onConnectionEnd(reason: unknown): Promise<void> {
    const unanswered = [...this.#inFlight.values()];
    await Promise.allSettled(unanswered.map(({ answered }) => answered));
    const rows = unanswered.map(({ row }) => row);
    if (this.#tooLarge) return this.#setAside(this.#tooLarge.event, this.#tooLarge.reason);
    const { blocked } = this.parts;
    const suspect = this.#suspectOf(reason, rows);
    if (!suspect) return;
    const { event, verdict, problem } = suspect;
    if (verdict === 'undeliverable') return this.#setAside(event, problem);
    if (verdict !== 'blocked' && !blocked.has(this.options.topicOf(event))) return;
    const suggestsRights = this.#unanswered === null;
    const hint = ' If that happens with each event, check the access rules of the broker.';
    const message = retryMessage(event, problem) + (suggestsRights ? hint : '');
    this.#block(event, { fault: { code: 'event-refused', message }, isForAll: false, suggestsRights });
  }

  #suspectOf(reason: unknown, rows: readonly PendingEvent[]): Suspect | null {
    const { refusals, retained } = this.parts;
    const { topicOf } = this.options;
    if (this.#unanswered) {
      const { event, error } = this.#unanswered;
      return refusals.onUnanswered(event, topicOf(event), error);
    }
    return retained.isSuspect ? null : refusals.onConnectionEnd(reason, rows, topicOf);
  }

  async #setAside(event: PendingEvent, reason: string): Promise<void> {
    const { clock, log } = this.parts;
    try {
      await withDeadline(clock, OUTBOX_DEADLINE_MS, () => this.#mark(event, reason));
      await this.#onUndeliverable(event);
    } catch (thrown) {
      const problem = `failed to mark event ${event.seq} as undeliverable: ${messageOf(thrown)}`;
      log.error({ part: 'outbox' }, problem);
    }
  }
}

const retryMessage = ({ seq }: PendingEvent, problem: string): string =>
  `event ${seq}: ${problem.replace(/\.$/, '')}. It is sent again.`;

const textOf = ({ epoch, seq }: EventKey): string => `${epoch}/${seq}`;
