import type { Logger } from 'pino';
import { z } from 'zod';
import type { Observer } from '../cycle/observer.js';
import type { Runner } from '../cycle/runner.js';
import type { Phase } from '../cycle/state.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import { sharedController } from '../kit/deadline.js';
import { messageOf } from '../kit/errors.js';
import { SerialQueue } from '../kit/serial-queue.js';
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
  /** A hold and a resume that come at once take effect, and are stored, in their order. */
  readonly #changes = new SerialQueue();
  readonly #never = sharedController().signal;
  #isHeld = false;
  #isStored = false;
  #isLocked = false;
  #runner: Pick<Runner, 'hold' | 'resume' | 'phase'> | null = null;

  constructor(private readonly options: HoldOptions) {}

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Holds a cycle that has not started, if the bin was held before. Its gate does not move at the start. */
  async restore(runner: Pick<Runner, 'hold' | 'resume' | 'phase'>): Promise<void> {
    const { journal, log } = this.options;
    this.#runner = runner;
    const stored = stateSchema.safeParse(await journal.loadState(NAME)).data;
    if (!stored?.isHeld) return;
    log.warn({ since: stored.since }, 'the bin is held. Send the command resume.');
    this.#isStored = true;
    this.#set(true);
    runner.hold();
    this.#lock();
  }

  /**
   * Returns whether that is new. Rejects if the state cannot be stored. The bin is held then, but not after a restart.
   */
  hold(): Promise<boolean> {
    return this.#changes.run(this.#never, async () => {
      if (this.#isHeld && this.#isStored) return false;
      this.#set(true);
      this.#runner?.hold();
      // The bin may still be held, if the gate of the last resume is not home yet.
      if (this.#runner?.phase === 'held') this.#lock();
      await this.#save(true);
      return true;
    });
  }

  /**
   * The bin sorts again as soon as the gate is home. Returns whether it was held. Rejects if the state cannot be stored:
   * it is still held then.
   */
  resume(): Promise<boolean> {
    return this.#changes.run(this.#never, async () => {
      if (!this.#isHeld) return false;
      await this.#save(false);
      this.#set(false);
      this.#isLocked = false;
      void this.options.lock.set(REASON, false).then(() => {
        if (!this.#isHeld) this.#runner?.resume();
      });
      return true;
    });
  }

  /** Locks the gate when the current item is finished. */
  phase(phase: Phase): void {
    if (phase === 'held' && this.#isHeld) this.#lock();
  }

  #lock(): void {
    if (this.#isLocked) return;
    this.#isLocked = true;
    void this.options.lock.set(REASON, true);
  }

  #set(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.options.onHeld(isHeld);
  }

  async #save(isHeld: boolean): Promise<void> {
    const { journal, clock } = this.options;
    const since = new Date(clock.wallMs()).toISOString();
    this.#isStored = false;
    try {
      await journal.saveState(NAME, { isHeld, since });
      this.#isStored = true;
    } catch (thrown) {
      throw new Error(`not stored: ${messageOf(thrown)}`, { cause: thrown });
    }
  }
}
