import { makeTrigger, type Trigger, type TriggerContext, type TriggerSource } from './trigger.js';

/** No sensor: somebody says that an item is there. */
export class CommandTrigger implements TriggerSource {
  #onTrigger: ((trigger: Trigger) => void) | null = null;

  constructor(private readonly making: TriggerContext) {}

  start(onTrigger: (trigger: Trigger) => void): void {
    this.#onTrigger = onTrigger;
  }

  /** Triggers now. Answers with the trigger, or null where nobody watches: not started yet, or closed. */
  fire(source = 'command'): Trigger | null {
    if (!this.#onTrigger) return null;
    const trigger = makeTrigger(source, this.making);
    this.#onTrigger(trigger);
    return trigger;
  }

  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    return false;
  }

  async close(): Promise<void> {
    this.#onTrigger = null;
  }
}
