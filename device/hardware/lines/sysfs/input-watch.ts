import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import type { Answer } from '../../../kit/errors.js';
import type { Health } from '../health.js';
import type { Input, LineFault } from '../lines.js';

const LOOK_MS = 2_000;

interface SysfsWatchOptions {
  readonly inputs: ReadonlyMap<string, Input>;
  readonly health: Health;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Reads the inputs time and again: sysfs tells nobody that a chip was unplugged. */
export class SysfsWatch {
  readonly #lost = new Set<string>();
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(private readonly options: SysfsWatchOptions) {}

  start(): void {
    this.#cancel = this.options.clock.after(LOOK_MS, () => void this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #look(): Promise<void> {
    for (const input of this.options.inputs.values()) {
      const answer = await input.active();
      if (this.#stopped) return;
      this.#note(input.name, answer);
    }
    this.start();
  }

  #note(name: string, answer: Answer<boolean, LineFault>): void {
    const { health, log } = this.options;
    if (answer.ok) {
      if (this.#lost.delete(name)) health.line(name, null);
    } else {
      const { code, message } = answer.fault;
      if (!this.#lost.has(name)) log.warn({ line: name, code }, message);
      this.#lost.add(name);
      health.line(name, answer.fault);
    }
  }
}
