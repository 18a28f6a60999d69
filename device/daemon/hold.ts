import type { Logger } from 'pino';
import { z } from 'zod';
import type { Observer } from '../cycle/observer.js';
import type { Runner } from '../cycle/runner.js';
import type { Phase } from '../cycle/state.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import { messageOf } from '../kit/errors.js';
import type { GateLock } from './gate-lock.js';

export interface HoldOptions {
  readonly lock: Pick<GateLock, 'set'>;
  readonly journal: Pick<Journal, 'loadState' | 'saveState'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onHeld: (isHeld: boolean) => void;
}

const NAME = 'hold';
const REASON = 'the bin is held';
const stateSchema = z.object({ isHeld: z.boolean(), since: z.iso.datetime() });

/**
 * Holds the bin: the current item is finished, the gate is locked, and later triggers are ignored until `resume`. That
 * survives a restart.
 */
export class Hold implements Observer {
  #isHeld = false;
  #runner: Pick<Runner, 'hold' | 'resume'> | null = null;

  constructor(private readonly options: HoldOptions) {}

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Holds a cycle that has not started, if the bin was held before. */
  async restore(runner: Pick<Runner, 'hold' | 'resume'>): Promise<void> {
    const { journal, log } = this.options;
    this.#runner = runner;
    const stored = stateSchema.safeParse(await journal.loadState(NAME)).data;
    if (!stored?.isHeld) return;
    log.warn({ since: stored.since }, 'the bin is held. Send the command resume.');
    this.#set(true);
    runner.hold();
  }

  /** Rejects if the state cannot be stored. The bin is held then, but not after a restart. */
  async hold(): Promise<void> {
    this.#set(true);
    this.#runner?.hold();
    await this.#save();
  }

  /** The bin sorts again as soon as the gate is home. Rejects if the state cannot be stored: it is still held then. */
  async resume(): Promise<void> {
    const wasHeld = this.#isHeld;
    this.#isHeld = false;
    try {
      await this.#save();
    } catch (thrown) {
      this.#isHeld = wasHeld;
      throw thrown;
    }
    this.#set(false);
    void this.options.lock.set(REASON, false).then(() => {
      if (!this.#isHeld) this.#runner?.resume();
    });
  }

  /** Locks the gate when the current item is finished. */
  phase(phase: Phase): void {
    if (phase === 'held' && this.#isHeld) void this.options.lock.set(REASON, true);
  }

  #set(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.options.onHeld(isHeld);
  }

  async #save(): Promise<void> {
    const { journal, clock } = this.options;
    const since = new Date(clock.wallMs()).toISOString();
    try {
      await journal.saveState(NAME, { isHeld: this.#isHeld, since });
    } catch (thrown) {
      throw new Error(`not stored: ${messageOf(thrown)}`, { cause: thrown });
    }
  }
}
