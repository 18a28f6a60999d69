import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OnoffConstructor, OnoffGpio } from '../../device/hardware/lines/sysfs/onoff.js';

type Callback = Parameters<OnoffGpio['watch']>[0];
type Options = ConstructorParameters<OnoffConstructor>[3];

/** The package onoff over a made-up tree: what it exports shows there, and a test is the one who presses. */
export const fakeOnoff = (root: string) => {
  const unplugged = new Set<number>();
  const world = {
    exported: new Map<number, FakeGpio>(),
    /** Directions of the outputs, in order. */
    directions: [] as string[],
    /** What the kernel says to an export. */
    error: null as string | null,
    /** A line that somebody else set up and lets nobody change. */
    stubborn: false,
    /** Takes the chip of a line away: its folder goes, what is open cannot be read, and nobody is told. */
    unplug: (number: number) => {
      unplugged.add(number);
      rmSync(join(root, `gpio${number}`), { recursive: true });
    },
    /** What is open can be read again. */
    plug: (number: number) => unplugged.delete(number),
    press: (number: number, active: boolean) => world.exported.get(number)?.press(active),
    /** An edge is told, though the level is what it was. */
    notice: (number: number) => world.exported.get(number)?.notice(),
    debounceMs: (number: number) => world.exported.get(number)?.options.debounceTimeout,
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
      if (world.error) throw Object.assign(new Error(`${world.error}: write`), { code: world.error });
      const folder = join(root, `gpio${number}`);
      if (!existsSync(folder)) mkdirSync(folder);
      const input = direction === 'in' || world.stubborn;
      if (direction !== 'in') world.directions.push(direction);
      writeFileSync(join(folder, 'direction'), input ? 'in\n' : 'out\n');
      writeFileSync(join(folder, 'active_low'), options.activeLow ? '1\n' : '0\n');
      writeFileSync(join(folder, 'value'), direction === 'high' ? '1\n' : '0\n');
      world.exported.set(number, this);
    }

    press(active: boolean): void {
      this.#level = active ? 1 : 0;
      this.notice();
    }

    notice(): void {
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
      world.exported.delete(this.number);
      rmSync(join(root, `gpio${this.number}`), { recursive: true, force: true });
    }
  }

  return Object.assign(world, { Gpio: FakeGpio });
};
