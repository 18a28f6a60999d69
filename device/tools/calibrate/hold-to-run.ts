import type { Clock } from '../../kit/clock.js';

// Hold-to-run: an output is on only while a key is held. A terminal reports keys, but not their release. So a key counts
// as held while it repeats. A keyboard repeats a held key first after 250 to 660 ms, and then every 30 to 100 ms.

/**
 * Time in ms from the last key to off. It is four times a slow repeat, so that a short network delay does not interrupt
 * the move. It is still short enough for a hand that releases the key.
 */
export const RELEASE_TIMEOUT_MS = 400;

/** Time in ms for the first repeat. A single key moves nothing, because it may be an accident. */
export const FIRST_REPEAT_TIMEOUT_MS = 1_000;

/**
 * `pressed`: the key came once. `held`: it repeats. `ended`: a rule, such as a guard, turned the output off. It stays off
 * until the key is released.
 */
interface HoldState {
  readonly phase: 'released' | 'pressed' | 'held' | 'ended';
  /** Time of the last key in monotonic ms. */
  readonly lastKeyMs: number;
}

const RELEASED: HoldState = { phase: 'released', lastKeyMs: Number.NEGATIVE_INFINITY };

const expiryMs = ({ phase, lastKeyMs }: HoldState): number =>
  lastKeyMs + (phase === 'pressed' ? FIRST_REPEAT_TIMEOUT_MS : RELEASE_TIMEOUT_MS);

const NEXT_PHASE = { released: 'pressed', pressed: 'held', held: 'held', ended: 'ended' } as const;

const afterKey = (state: HoldState, nowMs: number): HoldState => ({
  phase: NEXT_PHASE[nowMs >= expiryMs(state) ? 'released' : state.phase],
  lastKeyMs: nowMs,
});

const afterEnd = (state: HoldState): HoldState =>
  state.phase === 'held' ? { ...state, phase: 'ended' } : state;

export interface HoldToRunOptions {
  readonly clock: Clock;
  /** Turns the output on until the signal is aborted, or a rule turns it off. Resolves when it is off. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Called when the output is off. */
  readonly onStopped: () => void;
}

/** Runs an output while a key is held. */
export class HoldToRun {
  #state: HoldState = RELEASED;
  #lastKeyMs = Number.NEGATIVE_INFINITY;
  #current: AbortController | null = null;
  #stopped: Promise<void> = Promise.resolve();
  #cancelTimer: () => void = () => {};

  constructor(private readonly options: HoldToRunOptions) {}

  get isRunning(): boolean {
    return this.#current !== null;
  }

  /** Time of the last key that moves, in monotonic ms. */
  get lastKeyMs(): number {
    return this.#lastKeyMs;
  }

  /** Handles a key that moves. `isNewTarget`: restart, because the key changed the target. */
  press(isNewTarget: boolean): void {
    const { clock } = this.options;
    this.#lastKeyMs = clock.monotonicMs();
    this.#state = afterKey(this.#state, this.#lastKeyMs);
    this.#cancelTimer();
    this.#cancelTimer = clock.after(expiryMs(this.#state) - this.#lastKeyMs, () => this.#expire());
    const isHeld = this.#state.phase === 'held';
    if (this.#current === null) {
      if (isHeld) this.#stopped = this.#run();
      // The output may still be on without a held key: this key came after the timeout, but the timer is late.
    } else if (isNewTarget || !isHeld) this.#current.abort();
  }

  /** Turns the output off. Resolves when it is off. */
  release(): Promise<void> {
    this.#cancelTimer();
    this.#state = RELEASED;
    this.#current?.abort();
    return this.#stopped;
  }

  /** Does not compare with the clock, because a timer may fire slightly before its time. */
  #expire(): void {
    this.#state = RELEASED;
    this.#current?.abort();
  }

  async #run(): Promise<void> {
    while (this.#state.phase === 'held') {
      const current = new AbortController();
      this.#current = current;
      try {
        await this.options.run(current.signal);
      } finally {
        this.#current = null;
      }
      if (!current.signal.aborted) this.#state = afterEnd(this.#state);
    }
    this.options.onStopped();
  }
}
