import type { Trigger, TriggerSource } from './trigger.js';

/** Several sources as one. Each of them triggers. */
export class CompositeTrigger implements TriggerSource {
  constructor(private readonly sources: readonly TriggerSource[]) {}

  start(onTrigger: (trigger: Trigger) => void): void {
    for (const source of this.sources) source.start(onTrigger);
  }

  /** Returns true as soon as one source detects an item, even if another one hangs or fails. */
  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const levels = this.sources.map((source) => source.level(signal));
    const detections = levels.map(async (level) => {
      if (!(await level)) throw new Error('no item');
    });
    return Promise.any(detections).then(
      () => true,
      async () => {
        // If no source detects an item, a failed source may have missed one. Its error is thrown here.
        await Promise.all(levels);
        return false;
      },
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.sources.map((source) => source.close()));
  }
}
