import type { Clock } from '../../kit/clock.js';
import { endMs, FREE, type Hold, pressed, spent } from './hold.js';

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
