import type { Clock } from '../../kit/clock.js';

/**
 * Hold to move: what is on while a key is held. A terminal tells only of keys that come, never of one that is let go,
 * so that "held" means: it came again a moment ago. A keyboard repeats a held key for the first time after 250 to 660 ms,
 * and then every 30 to 100 ms.
 */

/**
 * So long in ms after the last key everything is off. Four times a slow repeat, so that a network that stumbles does not
 * chop the move; and short enough for a hand that lets go.
 */
export const HOLD_MS = 400;

/** In this time in ms the first repeat must have come. One key alone moves nothing: it may have been a sleeve. */
export const START_MS = 1_000;

/** `touched`: the key came once; `spent`: what it moved went off by itself, and stays so until the key is let go. */
export interface Hold {
  readonly at: 'free' | 'touched' | 'held' | 'spent';
  /** When the key came last, in monotonic milliseconds. */
  readonly lastKeyMs: number;
}

export const FREE: Hold = { at: 'free', lastKeyMs: Number.NEGATIVE_INFINITY };

/** When it ends if no key comes. */
export const endMs = ({ at, lastKeyMs }: Hold): number => lastKeyMs + (at === 'touched' ? START_MS : HOLD_MS);

const NEXT = { free: 'touched', touched: 'held', held: 'held', spent: 'spent' } as const;

/** A key that moves came. */
export const pressed = (hold: Hold, nowMs: number): Hold => ({
  at: NEXT[nowMs >= endMs(hold) ? 'free' : hold.at],
  lastKeyMs: nowMs,
});

/** What it moved went off by itself. */
export const spent = (hold: Hold): Hold => (hold.at === 'held' ? { ...hold, at: 'spent' } : hold);

export interface HeldDriveOptions {
  readonly clock: Clock;
  /** Turns it on until the signal is aborted, or until it goes off by itself; resolves once it is off. */
  readonly start: (signal: AbortSignal) => Promise<void>;
  /** It is off. */
  readonly onOff: () => void;
}

/** Drives while a key is held. */
export class HeldDrive {
  #hold: Hold = FREE;
  #lastKeyMs = Number.NEGATIVE_INFINITY;
  #turn: AbortController | null = null;
  #off: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};

  constructor(private readonly options: HeldDriveOptions) {}

  get moving(): boolean {
    return this.#turn !== null;
  }

  /** When a key that moves came last, in monotonic milliseconds. */
  get lastKeyMs(): number {
    return this.#lastKeyMs;
  }

  /** A key that moves came; `anew`: to another place than before. */
  press(anew: boolean): void {
    const { clock } = this.options;
    this.#lastKeyMs = clock.monotonicMs();
    this.#hold = pressed(this.#hold, this.#lastKeyMs);
    this.#cancel();
    this.#cancel = clock.after(endMs(this.#hold) - this.#lastKeyMs, () => this.#timeIsUp());
    if (this.#turn === null) {
      if (this.#hold.at === 'held') this.#off = this.#drive();
      // Not held: the key came too late, and before a timer that is late too.
    } else if (anew || this.#hold.at !== 'held') this.#turn.abort();
  }

  /** Off; resolves once it is. */
  letGo(): Promise<void> {
    this.#cancel();
    this.#hold = FREE;
    this.#turn?.abort();
    return this.#off;
  }

  /** No key has come since the timer was set. It is not compared with the clock, than which a timer may be earlier. */
  #timeIsUp(): void {
    this.#hold = FREE;
    this.#turn?.abort();
  }

  async #drive(): Promise<void> {
    while (this.#hold.at === 'held') {
      const turn = new AbortController();
      this.#turn = turn;
      try {
        await this.options.start(turn.signal);
      } finally {
        this.#turn = null;
      }
      if (!turn.signal.aborted) this.#hold = spent(this.#hold);
    }
    this.options.onOff();
  }
}
