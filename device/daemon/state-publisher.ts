import type { Clock } from '../kit/clock.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import { type StateMessage, stateMessage } from '../status/state-message.js';
import type { Status } from '../status/status.js';

/** Changes arrive in bursts: the end of an item changes counters, last item and mode. */
const BURST_MS = 50;
const PERIOD_MS = 1_000;

/** Publishes the topic `state` on change, at most once a second. The last change is always published. */
export class StatePublisher {
  #last: StateMessage | null = null;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | null = null;

  constructor(
    private readonly status: Pick<Status, 'snapshot'>,
    private readonly publisher: Pick<Publisher, 'retain'>,
    private readonly clock: Clock,
  ) {
    this.#publish();
  }

  /** Publishes a change that waits. */
  flush(): void {
    if (this.#cancel) this.#publish();
  }

  /** Call it after each change of the status. */
  changed(): void {
    if (this.#cancel) return;
    const waitMs = this.#lastAtMs + PERIOD_MS - this.clock.monotonicMs();
    this.#cancel = this.clock.after(Math.max(BURST_MS, waitMs), () => this.#publish());
  }

  #publish(): void {
    this.#cancel?.();
    this.#cancel = null;
    const message = stateMessage(this.status.snapshot());
    if (this.#last && isSame(message, this.#last)) return;
    this.#last = message;
    this.#lastAtMs = this.clock.monotonicMs();
    this.publisher.retain('state', message);
  }
}

/** Whether two messages differ only in their time. */
const isSame = (a: StateMessage, b: StateMessage): boolean =>
  JSON.stringify({ ...a, at: null }) === JSON.stringify({ ...b, at: null });
