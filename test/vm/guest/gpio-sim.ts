import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LineInfo, lineInfo } from './gpio-cdev.js';

const CONFIGFS = '/sys/kernel/config/gpio-sim';

const read = (...path: string[]) => readFileSync(join(...path), 'utf8').trim();

/** Returns whether a released output keeps its level, as on a Raspberry Pi, or falls back to its pull. */
export const outputsPersist = (): boolean => read('/sys/module/gpio_sim/parameters/persist') === 'Y';

/**
 * A GPIO chip simulated by the kernel module gpio-sim. The test takes the place of sensors and motors.
 * Its lines have names. At first, all are pulled down. Every call waits for the kernel, at most half a second.
 */
export class GpioSim {
  readonly #folder: string;
  readonly #names: readonly string[];

  private constructor(folder: string, names: readonly string[]) {
    this.#folder = folder;
    this.#names = names;
  }

  static create(label: string, names: readonly string[]): GpioSim {
    const folder = join(CONFIGFS, label);
    mkdirSync(join(folder, 'bank0'), { recursive: true });
    writeFileSync(join(folder, 'bank0/label'), label);
    writeFileSync(join(folder, 'bank0/num_lines'), String(names.length));
    for (const [offset, name] of names.entries()) {
      mkdirSync(join(folder, `bank0/line${offset}`));
      writeFileSync(join(folder, `bank0/line${offset}/name`), name);
    }
    const sim = new GpioSim(folder, names);
    sim.plug();
    return sim;
  }

  /** The name of its device (`gpiochip0`). It may change when the chip is plugged in again. */
  get chip(): string {
    return read(this.#folder, 'bank0/chip_name');
  }

  offset(line: string): number {
    const offset = this.#names.indexOf(line);
    if (offset < 0) throw new Error(`no line ${line}. The lines are ${this.#names.join(', ')}.`);
    return offset;
  }

  /** Pulls a line up or down from outside. An input reads this level. */
  pull(line: string, to: 'up' | 'down'): void {
    writeFileSync(join(this.#lineFolder(line), 'pull'), `pull-${to}`);
  }

  /** Returns the level on the wire, as a motor receives it. */
  value(line: string): 0 | 1 {
    return read(this.valueFile(line)) === '1' ? 1 : 0;
  }

  /** Returns the path of the file with that level, for `Sampling`. */
  valueFile(line: string): string {
    return join(this.#lineFolder(line), 'value');
  }

  info(line: string): LineInfo {
    return lineInfo(this.chip, this.offset(line));
  }

  /** Unplugs the chip while its lines are held, like a USB expander. */
  unplug(): void {
    writeFileSync(join(this.#folder, 'live'), '0');
  }

  plug(): void {
    writeFileSync(join(this.#folder, 'live'), '1');
  }

  /** Removes the chip. A chip with this label can be created again. */
  remove(): void {
    // To unplug an unplugged chip fails with EPERM.
    if (read(this.#folder, 'live') === '1') this.unplug();
    const bank = join(this.#folder, 'bank0');
    for (const entry of readdirSync(bank)) if (entry.startsWith('line')) rmdirSync(join(bank, entry));
    rmdirSync(bank);
    rmdirSync(this.#folder);
  }

  #lineFolder(line: string): string {
    const device = read(this.#folder, 'dev_name');
    return join('/sys/devices/platform', device, this.chip, `sim_gpio${this.offset(line)}`);
  }
}
