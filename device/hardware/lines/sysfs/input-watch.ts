import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import type { Answer } from '../../../kit/errors.js';
import type { LinesHealth } from '../health.js';
import type { Input, LineFault } from '../lines.js';

const CHECK_EVERY_MS = 2_000;

interface InputWatchOptions {
  readonly inputs: ReadonlyMap<string, Input>;
  readonly health: LinesHealth;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Reads all inputs periodically, because sysfs does not report that a chip was unplugged. */
export class InputWatch {
  readonly #unreadable = new Set<string>();
  #cancel: () => void = () => {};
  #isStopped = false;

  constructor(private readonly options: InputWatchOptions) {}

  start(): void {
    this.#cancel = this.options.clock.after(CHECK_EVERY_MS, () => void this.#check());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #check(): Promise<void> {
    for (const input of this.options.inputs.values()) {
      const answer = await input.active();
      if (this.#isStopped) return;
      this.#report(input.name, answer);
    }
    this.start();
  }

  #report(name: string, answer: Answer<boolean, LineFault>): void {
    const { health, log } = this.options;
    if (answer.ok) {
      if (this.#unreadable.delete(name)) health.setLineFault(name, null);
    } else {
      const { code, message } = answer.fault;
      if (!this.#unreadable.has(name))
        log.warn({ line: name, code, reason: message }, 'failed to read a line');
      this.#unreadable.add(name);
      health.setLineFault(name, answer.fault);
    }
  }
}
