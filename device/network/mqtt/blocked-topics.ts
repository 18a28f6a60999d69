import type { EventKey, PendingEvent } from '../../journal/journal.js';
import type { Backoff } from '../../kit/backoff.js';
import type { Clock } from '../../kit/clock.js';
import type { Fault } from '../../kit/errors.js';
import type { DeliveryHealth } from './delivery-health.js';
import type { DeliveryFaultCode } from './mqtt.js';

/** Events of a topic that are tried before the next pause. If the first one alone is refused, another one shows it. */
const MAX_CANDIDATES = 3;

/** Why a topic is blocked. */
export interface Obstacle {
  readonly fault: Fault<DeliveryFaultCode>;
  /** Whether each event would fail. Then one is tried. */
  readonly isForAll: boolean;
  /** Whether the access rules are the reason if several events in a row fail. */
  readonly suggestsRights: boolean;
}

interface BlockedTopic {
  readonly backoff: Backoff;
  /** The oldest events, as far as they are known. */
  readonly candidates: PendingEvent[];
  /** The candidates that were tried since the last pause. */
  readonly tried: Set<PendingEvent>;
  /** Whether so many events failed that the topic is the reason, and not one of them. */
  isCertain: boolean;
  retryAtMs: number;
  obstacle: Obstacle;
}

/**
 * The topics on which the broker takes no event. Their events wait in the outbox, and the events of other topics are sent.
 * After each pause, up to three of the waiting events are tried, one at a time. It outlives connections.
 */
export class BlockedTopics {
  /** All events up to this one have left the outbox, or wait for a blocked topic. null: unknown. */
  readUpTo: EventKey | null = null;
  readonly #topics = new Map<string, BlockedTopic>();

  constructor(
    private readonly clock: Clock,
    private readonly makeBackoff: () => Backoff,
    private readonly health: Pick<DeliveryHealth, 'set'>,
  ) {}

  has(topic: string): boolean {
    return this.#topics.has(topic);
  }

  /** The fault of the topic that was blocked first, or null. */
  get #fault(): Fault<DeliveryFaultCode> | null {
    const [first] = this.#topics.values();
    if (!first) return null;
    const { fault, suggestsRights } = first.obstacle;
    return suggestsRights && first.isCertain ? { ...fault, code: 'mqtt-not-authorised' } : fault;
  }

  /** Blocks a topic, or keeps it blocked, because the broker did not take an event. */
  onFailed(topic: string, event: PendingEvent, obstacle: Obstacle): void {
    const blocked = this.#topics.get(topic) ?? this.#block(topic, obstacle);
    blocked.obstacle = obstacle;
    const candidate = addCandidate(blocked, event);
    if (candidate) blocked.tried.add(candidate);
    if (blocked.tried.size === MAX_CANDIDATES) blocked.isCertain = true;
    const nowMs = this.clock.monotonicMs();
    // The other events that were in flight fail at the same time. They are one attempt.
    if (nowMs >= blocked.retryAtMs) blocked.retryAtMs = nowMs + Math.round(blocked.backoff.nextMs());
    this.health.set('blocked', this.#fault);
  }

  /** An event of a blocked topic waits in the outbox. */
  onWaiting(topic: string, event: PendingEvent): void {
    const blocked = this.#topics.get(topic);
    if (blocked) addCandidate(blocked, event);
  }

  /** Unblocks a topic. Returns whether it was blocked. */
  unblock(topic: string): boolean {
    const wasBlocked = this.#topics.delete(topic);
    if (wasBlocked) this.health.set('blocked', this.#fault);
    return wasBlocked;
  }

  /** Time until an event is to be tried; null: no topic is blocked. */
  get dueInMs(): number | null {
    const nowMs = this.clock.monotonicMs();
    const times = [...this.#topics.values()].map((blocked) =>
      untriedOf(blocked) ? 0 : Math.max(0, blocked.retryAtMs - nowMs),
    );
    return times.length > 0 ? Math.min(...times) : null;
  }

  /** Returns the event that is to be tried now, or null. */
  next(): PendingEvent | null {
    for (const blocked of this.#topics.values()) {
      const untried = untriedOf(blocked);
      if (untried) return untried;
      if (this.clock.monotonicMs() < blocked.retryAtMs) continue;
      blocked.tried.clear();
      return untriedOf(blocked);
    }
    return null;
  }

  #block(topic: string, obstacle: Obstacle): BlockedTopic {
    const backoff = this.makeBackoff();
    const events = { candidates: [], tried: new Set<PendingEvent>() };
    const blocked = { backoff, ...events, isCertain: false, retryAtMs: 0, obstacle };
    this.#topics.set(topic, blocked);
    return blocked;
  }
}

const untriedOf = ({ candidates, tried }: BlockedTopic): PendingEvent | null =>
  candidates.find((event) => !tried.has(event)) ?? null;

/** Returns the event as a candidate, or null if there are enough older ones. */
const addCandidate = (
  { candidates, tried, obstacle }: BlockedTopic,
  event: PendingEvent,
): PendingEvent | null => {
  const known = candidates.find(({ epoch, seq }) => epoch === event.epoch && seq === event.seq);
  if (known) return known;
  const most = obstacle.isForAll ? 1 : MAX_CANDIDATES;
  // Newer events that wait can become known before an older one fails, because several are in flight.
  const newer = candidates.findIndex(({ epoch, seq }) => epoch === event.epoch && seq > event.seq);
  candidates.splice(newer === -1 ? candidates.length : newer, 0, event);
  for (const removed of candidates.splice(most)) tried.delete(removed);
  return candidates.includes(event) ? event : null;
};
