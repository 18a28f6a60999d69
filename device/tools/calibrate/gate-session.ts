import type { Lines } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import type { Change, Key, Screen } from './calibrate.js';
import type { GateInHand } from './gates.js';
import { HeldDrive } from './held-drive.js';
import { ends } from './keys.js';
import type { Item } from './mover.js';
import { gateView } from './render.js';

export interface SessionOptions extends GateInHand {
  readonly lines: Lines;
  readonly keys: AsyncIterator<Key>;
  readonly screen: Screen;
  readonly clock: Clock;
}

/** Moves the gate by keys until one ends it, or no more come; everything is off then. Answers what was found anew. */
export const calibrateGate = async (options: SessionOptions): Promise<Change[]> => {
  const session = new GateSession(options);
  try {
    await session.run();
    return session.changes;
  } finally {
    await session.end();
  }
};

class GateSession {
  readonly #taken = new Map<Item, number>();
  readonly #drive: HeldDrive;
  #item: Item;

  constructor(private readonly options: SessionOptions) {
    const { mover, clock } = options;
    this.#item = mover.items[0];
    this.#drive = new HeldDrive({
      clock,
      start: (signal) => mover.drive(signal, () => this.#drive.lastKeyMs),
      onOff: () => this.#show(),
    });
  }

  get changes(): Change[] {
    return [...this.#taken].flatMap(([{ path, value }, to]) =>
      to === value ? [] : [{ path, from: value, to }],
    );
  }

  async run(): Promise<void> {
    const { keys, lines, levels, screen } = this.options;
    lines.onHealth((fault) => screen.say(fault ? fault.message : 'the lines work again'));
    levels.onChange(() => this.#show());
    this.#choose(this.#item);
    for (let next = await keys.next(); !next.done && !ends(next.value); next = await keys.next()) {
      this.#press(next.value);
      this.#show();
    }
  }

  async end(): Promise<void> {
    const { lines, levels } = this.options;
    await Promise.all([this.#drive.letGo(), lines.safe()]);
    levels.onChange(() => {});
    this.options.screen.show([]);
  }

  /** Never waits: the key that turns off may be the next. */
  #press(key: Key): void {
    const { mover } = this.options;
    const does = mover.press(key);
    if (does !== 'nothing') {
      this.#drive.press(does === 'moves-anew');
      return;
    }
    void this.#drive.letGo();
    if (key === 'enter') this.#take();
    const chosen = key === 'tab' ? this.#next() : mover.items.find(({ digit }) => digit === key);
    if (chosen) this.#choose(chosen);
  }

  #take(): void {
    const { offer } = this.options.mover;
    if (offer !== null) this.#taken.set(this.#item, offer);
  }

  #next(): Item {
    const { items } = this.options.mover;
    return items[(items.indexOf(this.#item) + 1) % items.length] ?? items[0];
  }

  #choose(item: Item): void {
    this.#item = item;
    this.options.mover.choose(item, (one) => this.#taken.get(one) ?? one.value);
    this.#show();
  }

  #show(): void {
    const { mover, levels, screen } = this.options;
    const { moving } = this.#drive;
    screen.show(gateView({ mover, chosen: this.#item, taken: this.#taken, levels: levels.all, moving }));
  }
}
