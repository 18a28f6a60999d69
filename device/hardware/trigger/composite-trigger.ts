import type { Trigger, TriggerSource } from './trigger.js';

/** Several sources as one: whichever notices something triggers. */
export class CompositeTrigger implements TriggerSource {
  constructor(private readonly sources: readonly TriggerSource[]) {}

  start(onTrigger: (trigger: Trigger) => void): void {
    for (const source of this.sources) source.start(onTrigger);
  }

  /** As soon as one shows something that is the answer, even where another hangs or fails; a failure hides no item. */
  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const levels = this.sources.map((source) => source.level(signal));
    const seen = levels.map(async (level) => {
      if (!(await level)) throw new Error('nothing there');
    });
    return Promise.any(seen).then(
      () => true,
      async () => {
        await Promise.all(levels);
        return false;
      },
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.sources.map((source) => source.close()));
  }
}
