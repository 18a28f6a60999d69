import type { PendingEvent } from '../../journal/journal.js';
import { ConnectionError, hex, REASON } from './connection-error.js';

/**
 * - `retry`: send the event again after a pause, alone.
 * - `retry-now`: send it again at once, alone, with a new packet id.
 * - `blocked`: the broker takes no event of this topic for now.
 * - `undeliverable`: do not send it again.
 */
export type Verdict = 'retry' | 'retry-now' | 'blocked' | 'undeliverable';

/** The event that may be the reason for the end of a connection. */
export interface Suspect {
  readonly event: PendingEvent;
  readonly verdict: Verdict;
  readonly problem: string;
}

/** Reason codes of MQTT 5.0, section 2.4. */
const CODE = { packetIdInUse: 0x91, quotaExceeded: 0x97 } as const;
/** Attempts for an event that the broker refuses with a reason that does not change. */
const MAX_REFUSALS = 3;
/** Connections that the broker may close after the same message, which was alone in flight. */
export const MAX_CLOSES = 5;
/** Connections that the broker may close in a row, without progress, before events are sent one at a time. */
const CLOSES_BEFORE_CAUTION = 2;
/** Reason codes of a DISCONNECT that a message can have caused. Others are about the broker or the client. */
const CAUSED_BY_A_MESSAGE = [0x80, 0x81, 0x82, 0x83, 0x90, 0x94, 0x95, 0x99, 0x9a, 0x9b];

/**
 * Finds the events that a broker does not take, by its reason codes, or because it closes the connection repeatedly after
 * the same event. It outlives connections.
 */
export class EventRefusals {
  /** Refusals, or closed connections, of each event that is still in the outbox. */
  readonly #attempts = new Map<string, { count: number; readonly acceptedBefore: number }>();
  /** Number of accepted events by topic. */
  readonly #accepted = new Map<string, number>();
  #closesWithoutProgress = 0;
  /** Events up to this one are sent one at a time. */
  #cautiousUpTo: Pick<PendingEvent, 'epoch' | 'seq'> | null = null;

  /** Returns whether an event is to be sent alone, so that a closed connection shows which event caused it. */
  needsAlone(event: PendingEvent): boolean {
    return this.#cautiousUpTo !== null || this.#attempts.has(textOf(event));
  }

  /** The broker has refused an event, and the connection is still open. */
  onRefused(event: PendingEvent, topic: string, error: ConnectionError): Verdict {
    if (error.code === 'message-too-large') return 'undeliverable';
    if (error.reasonCode === CODE.quotaExceeded) return 'retry';
    const { count, isForTopic } = this.#count(event, topic);
    if (error.reasonCode === CODE.packetIdInUse) return count === 1 ? 'retry-now' : 'retry';
    if (error.code === 'not-authorised' && isForTopic) return 'blocked';
    return count >= MAX_REFUSALS ? 'undeliverable' : 'retry';
  }

  onAccepted(event: PendingEvent, topic: string): void {
    this.#accepted.set(topic, this.#acceptedOn(topic) + 1);
    this.#attempts.delete(textOf(event));
    this.#closesWithoutProgress = 0;
    this.#passed(event);
  }

  onUndeliverable(event: PendingEvent): void {
    this.#attempts.delete(textOf(event));
    this.#passed(event);
  }

  /** The broker has ended the connection. Returns the event that may be the reason, or null. */
  onConnectionEnd(
    reason: unknown,
    inFlight: readonly PendingEvent[],
    topicOf: (event: PendingEvent) => string,
  ): Suspect | null {
    const newest = inFlight.at(-1);
    if (!newest || !(reason instanceof ConnectionError)) return null;
    if (!mayBeCausedByMessage(reason) && reason.reasonCode !== REASON.notAuthorised) return null;
    if (inFlight.length > 1) {
      this.#closesWithoutProgress += 1;
      if (this.#closesWithoutProgress >= CLOSES_BEFORE_CAUTION) this.#cautiousUpTo = newest;
      return null;
    }
    return this.#suspect(newest, topicOf(newest), (count) => closedAfter('event', count, reason));
  }

  /** The connection was ended because the broker has not acknowledged an event, whatever else was in flight. */
  onUnanswered(event: PendingEvent, topic: string, { message }: ConnectionError): Suspect {
    return this.#suspect(event, topic, () => message);
  }

  #suspect(event: PendingEvent, topic: string, problemOf: (count: number) => string): Suspect {
    const { count, isForTopic } = this.#count(event, topic);
    const verdict = count < MAX_CLOSES ? 'retry' : isForTopic ? 'blocked' : 'undeliverable';
    return { event, verdict, problem: problemOf(count) };
  }

  #acceptedOn(topic: string): number {
    return this.#accepted.get(topic) ?? 0;
  }

  /**
   * Counts an attempt that has failed. `isForTopic`: no other event of the topic has passed since the first one. The access
   * rules may be the reason then, and not this event.
   */
  #count(event: PendingEvent, topic: string): { readonly count: number; readonly isForTopic: boolean } {
    const accepted = this.#acceptedOn(topic);
    const attempts = this.#attempts.get(textOf(event)) ?? { count: 0, acceptedBefore: accepted };
    attempts.count += 1;
    this.#attempts.set(textOf(event), attempts);
    return { count: attempts.count, isForTopic: attempts.acceptedBefore === accepted };
  }

  #passed({ epoch, seq }: PendingEvent): void {
    const last = this.#cautiousUpTo;
    if (last && (last.epoch !== epoch || last.seq <= seq)) this.#cautiousUpTo = null;
  }
}

/** Returns whether a message can be the reason for the end of a connection. */
export const mayBeCausedByMessage = ({ code, reasonCode }: ConnectionError): boolean =>
  code === 'connection-lost' && (reasonCode === null || CAUSED_BY_A_MESSAGE.includes(reasonCode));

/** The text of the last error would be misleading: the broker closed because of the message. */
export const closedAfter = (
  message: 'event' | 'message',
  closes: number,
  { reasonCode }: ConnectionError,
): string => {
  const disconnect = reasonCode === null ? '' : ` (DISCONNECT ${hex(reasonCode)})`;
  const times = closes === 1 ? 'once' : `${closes} times in a row`;
  return `the connection ended ${times} after this ${message} alone was sent${disconnect}`;
};

const textOf = ({ epoch, seq }: PendingEvent): string => `${epoch}/${seq}`;
