import { makeTrigger, type Trigger, type TriggerContext, type TriggerSource } from './trigger.js';

export interface IntervalTriggerOptions extends TriggerContext {
  readonly everyMs: number;
}

/** A source without a sensor that triggers at fixed intervals. The first trigger comes one interval after the start. */
export class IntervalTrigger implements TriggerSource {
  #cancel = () => {};

  constructor(private readonly options: IntervalTriggerOptions) {}

  start(onTrigger: (trigger: Trigger) => void): void {
    this.#cancel();
    this.#schedule(onTrigger, this.options.clock.monotonicMs() + this.options.everyMs);
  }

  /** Reports nothing: without a sensor there is no fault. */
  onHealth(): void {}

  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    return false;
  }

  async close(): Promise<void> {
    this.#cancel();
  }

  /** Schedules by due times, so that the delays of late timers do not accumulate. Missed due times are skipped. */
  #schedule(onTrigger: (trigger: Trigger) => void, dueMs: number): void {
    const { clock, everyMs } = this.options;
    this.#cancel = clock.after(dueMs - clock.monotonicMs(), () => {
      const missed = Math.max(0, Math.floor((clock.monotonicMs() - dueMs) / everyMs));
      this.#schedule(onTrigger, dueMs + (missed + 1) * everyMs);
      onTrigger(makeTrigger('interval', this.options));
    });
  }
}
