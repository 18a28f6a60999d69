import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import { type Answer, done, failed } from '../../../kit/errors.js';
import { Listeners } from '../edge-listeners.js';
import type { Edge, Input, InputRules, LineFault } from '../lines.js';
import { nowNs } from '../time.js';
import { sysfsFault } from './chips.js';
import type { OnoffGpio } from './onoff.js';

/** An input by onoff. Sysfs gives edges no time and no level: both are what the daemon finds when it is told. */
export class SysfsInput implements Input {
  readonly #listeners = new Listeners();
  #level: boolean;
  #closed = false;

  constructor(
    readonly name: string,
    private readonly rules: InputRules,
    private readonly gpio: OnoffGpio,
    private readonly clock: Clock,
    log: Logger,
  ) {
    this.#level = gpio.readSync() === 1;
    gpio.watch((error, value) => {
      if (error) log.warn({ line: name }, `an edge of "${name}" cannot be read: ${error.message}`);
      else this.#hear(value === 1);
    });
  }

  async active(): Promise<Answer<boolean, LineFault>> {
    // Its file descriptor may be anybody's by now.
    if (this.#closed) return failed('lines-down', 'the lines are closed');
    try {
      return done((await this.gpio.read()) === 1);
    } catch (thrown) {
      return { ok: false, fault: sysfsFault(this.name, 'sysfs', thrown) };
    }
  }

  onEdge(listener: (edge: Edge) => void): () => void {
    return this.#listeners.add(listener);
  }

  close(): void {
    this.#closed = true;
    this.gpio.unwatchAll();
    this.gpio.unexport();
  }

  /** The same level again: it was another one in between, too short for a debounce where there is one. */
  #hear(active: boolean): void {
    const same = active === this.#level;
    if (same && this.rules.debounceMs > 0) return;
    this.#level = active;
    this.#listeners.tell({ active, atNs: nowNs(this.clock), missed: same ? 1 : 0 });
  }
}
