import type { Fault } from '../../kit/errors.js';
import { type HealthListener, HealthReporter } from '../../kit/health.js';
import { type Trigger, TriggerError, type TriggerFault, type TriggerSource } from './trigger.js';

/** Several sources as one. Each of them triggers. It reports one faulty source at a time, the first to fail. */
export class CompositeTrigger implements TriggerSource {
  readonly #faults = new Map<string, Fault<TriggerFault>>();
  readonly #health = new HealthReporter<TriggerFault>();

  /** `sources`: by the name that a fault has as its detail. */
  constructor(private readonly sources: ReadonlyMap<string, TriggerSource>) {
    for (const [name, source] of sources)
      source.onHealth((fault) => {
        if (fault) this.#faults.set(name, { ...fault, detail: name });
        else this.#faults.delete(name);
        this.#health.set(this.#faults.values().next().value ?? null);
      });
  }

  start(onTrigger: (trigger: Trigger) => void): void {
    for (const source of this.sources.values()) source.start(onTrigger);
  }

  onHealth(listener: HealthListener<TriggerFault>): void {
    this.#health.onHealth(listener);
  }

  /** Returns true as soon as one source detects an item, even if another one hangs or fails. */
  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const levels = [...this.sources].map(([name, source]) => levelOf(name, source, signal));
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
    await Promise.all([...this.sources.values()].map((source) => source.close()));
  }
}

const levelOf = (name: string, source: TriggerSource, signal: AbortSignal): Promise<boolean> =>
  source.level(signal).catch((error) => {
    throw error instanceof TriggerError ? new TriggerError({ ...error.fault, detail: name }) : error;
  });
