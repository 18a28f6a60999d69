import { backoffMs } from '../kit/backoff.js';
import type { Clock } from '../kit/clock.js';
import { linkedSignal, sleep } from '../kit/deadline.js';
import { type Hours, isWithin } from './schedule.js';

export interface Polling {
  readonly intervalMs: number;
  /** The first poll after a start is at a random time within this. */
  readonly firstMs: number;
  /** Minimum pause before an attempt that the network ended is continued. It doubles, up to `intervalMs`. */
  readonly retryMs: number;
  /** When the allowed hours begin, the next poll comes at a random time within this, so that each night has one. */
  readonly spreadMs: number;
}

export interface PollerParts {
  readonly clock: Clock;
  readonly polling: Polling;
  /** The allowed hours. Polls outside of them install nothing. */
  readonly hours: Hours | null;
  /** Whether an update runs now: then there is nothing to continue. */
  readonly isBusy: () => boolean;
  /** Returns a number from 0 to below 1. */
  readonly random: () => number;
}

const MINUTE_MS = 60_000;
/** How often the time is compared with the hours. */
const OUTSIDE_MS = MINUTE_MS;
const INSIDE_MS = 10 * MINUTE_MS;
/** The network ended the attempt. It is continued before the next poll. */
const NETWORK: readonly (string | null)[] = ['update-unreachable', 'update-too-slow'];

/**
 * Polls a repository. Each pause is random, from half to one and a half of its length, so that the bins of a fleet do not
 * poll together.
 */
export class Poller {
  #failures = 0;
  #dueMs = 0;
  #wake = () => {};

  constructor(private readonly parts: PollerParts) {}

  /** Polls until the signal is aborted, and then rejects. `work` returns the code of the fault that ended a poll. */
  async run(signal: AbortSignal, work: () => Promise<string | null>): Promise<never> {
    const { clock, polling, isBusy, random } = this.parts;
    this.#dueMs = clock.monotonicMs() + random() * polling.firstMs;
    for (;;) {
      await this.#untilDue(signal);
      const before = this.#failures;
      const code = await work();
      if (NETWORK.includes(code)) this.#failures += 1;
      else if (this.#failures === before && !isBusy()) this.#failures = 0;
      this.#pause(isBusy() ? 0 : this.#failures);
    }
  }

  /** An update has failed between two polls. If the network ended it, the next poll comes sooner, to continue it. */
  failed(code: string | null): void {
    if (!NETWORK.includes(code)) return;
    this.#failures += 1;
    this.#pause(this.#failures);
    this.#wake();
  }

  #pause(failures: number): void {
    const { clock, polling, random } = this.parts;
    const limits = { minMs: polling.retryMs, maxMs: polling.intervalMs };
    const pauseMs = failures > 0 ? backoffMs(failures - 1, limits) : polling.intervalMs;
    this.#dueMs = clock.monotonicMs() + pauseMs * (0.5 + random());
  }

  async #untilDue(signal: AbortSignal): Promise<void> {
    const { clock, polling, hours, random } = this.parts;
    const isOutside = () => !isWithin(hours, clock.wallMs());
    for (let leftMs = this.#leftMs(); leftMs > 0; leftMs = this.#leftMs()) {
      const wasOutside = isOutside();
      const lookMs = hours === null ? leftMs : wasOutside ? OUTSIDE_MS : INSIDE_MS;
      await this.#sleep(Math.min(leftMs, lookMs), signal);
      if (wasOutside && !isOutside())
        this.#dueMs = Math.min(this.#dueMs, clock.monotonicMs() + random() * polling.spreadMs);
    }
  }

  #leftMs(): number {
    return this.#dueMs - this.parts.clock.monotonicMs();
  }

  async #sleep(pauseMs: number, signal: AbortSignal): Promise<void> {
    const limit = linkedSignal(signal);
    this.#wake = () => limit.abort();
    try {
      await sleep(this.parts.clock, pauseMs, limit.signal);
    } catch {
      signal.throwIfAborted();
    } finally {
      limit.release();
    }
  }
}
