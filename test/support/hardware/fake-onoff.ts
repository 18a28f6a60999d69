import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OnoffConstructor, OnoffGpio } from '../../../device/hardware/lines/sysfs/onoff.js';

type Callback = Parameters<OnoffGpio['watch']>[0];
type Options = ConstructorParameters<OnoffConstructor>[3];

/** A fake of the package onoff. It exports lines as folders below `root`. A test sets their levels. */
export const makeFakeOnoff = (root: string) => {
  const unplugged = new Set<number>();
  const fake = {
    exported: new Map<number, FakeGpio>(),
    /** Directions of the outputs, in order. */
    directions: [] as string[],
    /** Error code of the kernel for each export. */
    error: null as string | null,
    /** Exported outputs stay inputs, as if another user had exported them. */
    ignoresDirection: false,
    /** Unplugs the chip of a line: its folder is removed and reads fail. No event reports it. */
    unplug: (number: number) => {
      unplugged.add(number);
      rmSync(join(root, `gpio${number}`), { recursive: true });
    },
    /** Makes reads succeed again. */
    plug: (number: number) => unplugged.delete(number),
    press: (number: number, active: boolean) => fake.exported.get(number)?.press(active),
    /** Reports an edge without a change of the level. */
    reportEdge: (number: number) => fake.exported.get(number)?.reportEdge(),
    debounceMs: (number: number) => fake.exported.get(number)?.options.debounceTimeout,
  };

  class FakeGpio implements OnoffGpio {
    #level: 0 | 1 = 0;
    #callback: Callback = () => {};

    constructor(
      private readonly number: number,
      direction: 'in' | 'high' | 'low',
      _edge: 'none' | 'both',
      readonly options: Options,
    ) {
      if (fake.error) throw Object.assign(new Error(`${fake.error}: write`), { code: fake.error });
      const folder = join(root, `gpio${number}`);
      if (!existsSync(folder)) mkdirSync(folder);
      const input = direction === 'in' || fake.ignoresDirection;
      if (direction !== 'in') fake.directions.push(direction);
      writeFileSync(join(folder, 'direction'), input ? 'in\n' : 'out\n');
      writeFileSync(join(folder, 'active_low'), options.activeLow ? '1\n' : '0\n');
      writeFileSync(join(folder, 'value'), direction === 'high' ? '1\n' : '0\n');
      fake.exported.set(number, this);
    }

    press(active: boolean): void {
      this.#level = active ? 1 : 0;
      this.reportEdge();
    }

    reportEdge(): void {
      this.#callback(null, this.#level);
    }

    readSync(): 0 | 1 {
      return this.#level;
    }

    async read(): Promise<0 | 1> {
      if (unplugged.has(this.number)) throw Object.assign(new Error('ENODEV: read'), { code: 'ENODEV' });
      return this.#level;
    }

    watch(callback: Callback): void {
      this.#callback = callback;
    }

    unwatchAll(): void {
      this.#callback = () => {};
    }

    unexport(): void {
      fake.exported.delete(this.number);
      rmSync(join(root, `gpio${this.number}`), { recursive: true, force: true });
    }
  }

  return Object.assign(fake, { Gpio: FakeGpio });
};
