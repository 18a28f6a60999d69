import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import { type Answer, done, failed } from '../../../kit/errors.js';
import { EdgeListeners } from '../edge-listeners.js';
import type { Edge, Input, InputRules, LineFault } from '../lines.js';
import { nowNs } from '../time.js';
import { sysfsFault } from './faults.js';
import type { OnoffGpio } from './onoff.js';

/** An input of the package onoff. Sysfs reports no time and no level of an edge, so both are read after the edge. */
export class SysfsInput implements Input {
  readonly #listeners = new EdgeListeners();
  #level: boolean;
  #isClosed = false;

  constructor(
    readonly name: string,
    private readonly rules: InputRules,
    private readonly gpio: OnoffGpio,
    private readonly clock: Clock,
    log: Logger,
  ) {
    this.#level = gpio.readSync() === 1;
    gpio.watch((error, value) => {
      if (error) log.warn({ line: name, reason: error.message }, 'failed to read an edge');
      else this.#onLevel(value === 1);
    });
  }

  async active(): Promise<Answer<boolean, LineFault>> {
    // After close, another file may have this file descriptor.
    if (this.#isClosed) return failed('lines-down', 'the lines are closed');
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
    this.#isClosed = true;
    this.gpio.unwatchAll();
    this.gpio.unexport();
  }

  /** If the level is the same as before, the line changed twice. With debouncing, that was a bounce. */
  #onLevel(active: boolean): void {
    const isSame = active === this.#level;
    if (isSame && this.rules.debounceMs > 0) return;
    this.#level = active;
    this.#listeners.notify({ active, atNs: nowNs(this.clock), missed: isSame ? 1 : 0 });
  }
}
