import { makeTrigger, type Trigger, type TriggerContext, type TriggerSource } from './trigger.js';

/** A source without a sensor: a command reports each item. */
export class CommandTrigger implements TriggerSource {
  #onTrigger: ((trigger: Trigger) => void) | null = null;

  constructor(private readonly context: TriggerContext) {}

  start(onTrigger: (trigger: Trigger) => void): void {
    this.#onTrigger = onTrigger;
  }

  /** Triggers now and returns the trigger. Returns null before `start` and after `close`. */
  fire(source = 'command'): Trigger | null {
    if (!this.#onTrigger) return null;
    const trigger = makeTrigger(source, this.context);
    this.#onTrigger(trigger);
    return trigger;
  }

  /** Reports nothing: without a sensor there is no fault. */
  onHealth(): void {}

  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    return false;
  }

  async close(): Promise<void> {
    this.#onTrigger = null;
  }
}
