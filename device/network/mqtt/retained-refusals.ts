import type { Clock } from '../../kit/clock.js';
import { ConnectionError } from './connection-error.js';
import { closedAfter, MAX_CLOSES, mayBeCausedByMessage } from './event-refusals.js';

/** The broker may have been changed meanwhile. */
const FORGET_AFTER_MS = 3_600_000;

/**
 * Finds the retained messages because of which a broker closes connections. With MQTT 3.1.1, it gives no other answer to
 * a message that it does not take. It outlives connections.
 */
export class RetainedRefusals {
  /** Sent on this connection, without an answer: the size of the payload by topic. */
  readonly #inFlight = new Map<string, number>();
  /** Closed connections by topic. */
  readonly #closes = new Map<string, number>();
  readonly #skipped = new Map<string, { readonly bytes: number; readonly untilMs: number }>();
  #isCautious = false;

  constructor(private readonly clock: Clock) {}

  /**
   * Whether the broker closed the last connection while retained messages were in flight. Then they are sent one at a time,
   * and nothing else is sent, so that a closed connection shows which one caused it.
   */
  get isCautious(): boolean {
    return this.#isCautious;
  }

  /** Returns whether the broker closes because of this message, or of a smaller one on the same topic. */
  skips(topic: string, bytes: number): boolean {
    const skipped = this.#skipped.get(topic);
    return skipped !== undefined && bytes >= skipped.bytes && this.clock.monotonicMs() < skipped.untilMs;
  }

  onConnect(): void {
    this.#inFlight.clear();
  }

  onSent(topic: string, bytes: number): void {
    this.#inFlight.set(topic, bytes);
  }

  onAnswered(topic: string): void {
    this.#inFlight.delete(topic);
    this.#closes.delete(topic);
  }

  /** The broker has answered each message that was sent alone. */
  onAllAnswered(): void {
    this.#isCautious = false;
  }

  /** The connection has ended. Returns the topic of the message that is skipped because of that, with an error, or null. */
  onConnectionEnd(reason: unknown): { readonly topic: string; readonly error: ConnectionError } | null {
    const [first] = this.#inFlight;
    if (!first || !(reason instanceof ConnectionError) || !mayBeCausedByMessage(reason)) return null;
    const wasAlone = this.#isCautious;
    this.#isCautious = true;
    if (!wasAlone) return null;
    const [topic, bytes] = first;
    const closes = (this.#closes.get(topic) ?? 0) + 1;
    this.#closes.set(topic, closes);
    if (closes < MAX_CLOSES) return null;
    this.#closes.delete(topic);
    this.#skipped.set(topic, { bytes, untilMs: this.clock.monotonicMs() + FORGET_AFTER_MS });
    const problem = `message on ${topic}: ${closedAfter('message', closes, reason)}`;
    return { topic, error: new ConnectionError(reason.code, problem) };
  }
}
