import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';

const INTERVAL_MS = 60_000;

interface Waiting {
  count: number;
  text: string;
  cancel: () => void;
}

/** Writes at most one warning of each kind in a minute, with a count. A flood of clients must not become a flood of lines. */
export class ThrottledLog<Kind extends string> {
  readonly #kinds = new Map<Kind, Waiting>();

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Logs the first warning at once. The following ones are counted, and the last of them is logged after a minute. */
  warn(kind: Kind, text: string): void {
    const waiting = this.#kinds.get(kind);
    if (waiting) {
      waiting.count++;
      waiting.text = text;
    } else {
      this.#write(text, 1);
      this.#wait(kind);
    }
  }

  /** Logs what has been counted, and stops the timers. */
  close(): void {
    for (const { cancel, count, text } of this.#kinds.values()) {
      cancel();
      if (count > 0) this.#write(text, count);
    }
    this.#kinds.clear();
  }

  #wait(kind: Kind): void {
    const waiting: Waiting = { count: 0, text: '', cancel: () => {} };
    this.#kinds.set(kind, waiting);
    waiting.cancel = this.clock.after(INTERVAL_MS, () => {
      this.#kinds.delete(kind);
      if (waiting.count === 0) return;
      this.#write(waiting.text, waiting.count);
      this.#wait(kind);
    });
  }

  #write(text: string, count: number): void {
    const times = count === 1 ? '' : `. ${count} times since the last such line`;
    this.log.warn({ part: 'broker', count }, `embedded broker: ${text}${times}`);
  }
}
