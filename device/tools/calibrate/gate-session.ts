import type { Config } from '../../config/schema.js';
import type { Lines } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import { CalibrateError, type Change, type Key, longest, type Screen } from './calibrate.js';
import { HeldDrive, HOLD_MS } from './hold-to-run.js';
import { gateInputs, LID, SERVICE, serviceSwitch } from './inputs.js';
import { type Level, Levels, word } from './levels.js';
import { LinesMover } from './lines-mover.js';
import type { Item, Mover } from './mover.js';
import { ServoMover } from './servo-mover.js';
import { ends } from './terminal.js';

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

/** A gate in hand: what moves it, and the switches around it. */
export interface GateInHand {
  readonly mover: Mover;
  readonly levels: Levels;
}

/**
 * Takes the gate's lines by the rules of the running bin; besides the lid, the service switch guards them: in service
 * the whole bin is locked, not only this gate. @throws CalibrateError where there is no such gate, or a line cannot be had
 */
export const takeGate = async (
  { gate, panel }: Pick<Config, 'gate' | 'panel'>,
  lines: Lines,
  clock: Clock,
): Promise<GateInHand> => {
  if (gate.driver === 'simulated')
    throw new CalibrateError(
      'calibrate-nothing',
      'gate.driver is simulated: a gate of air needs no values; set it to servo or lines',
    );
  const inputs = [...gateInputs(gate), ...serviceSwitch(panel)];
  const levels = await Levels.of(inputs, lines, clock);
  const guards = [LID, SERVICE].filter((name) => levels.input(name));
  const mover =
    gate.driver === 'servo'
      ? await ServoMover.of(gate, guards, lines)
      : await LinesMover.of(gate, guards, levels, lines, clock);
  if (mover) return { mover, levels };
  throw new CalibrateError('calibrate-nothing', 'gate.compartments names none; give each its output');
};

interface GateShown {
  readonly mover: Mover;
  readonly chosen: Item;
  /** Values that were taken. */
  readonly taken: ReadonlyMap<Item, number>;
  readonly levels: readonly Level[];
  readonly moving: boolean;
}

export const gateView = ({ mover, chosen, taken, levels, moving }: GateShown): string[] => {
  const width = longest(mover.items.map(({ name }) => name));
  const items = mover.items.map((item) => {
    const { name, digit, value, unit } = item;
    const to = taken.get(item);
    const now = to === undefined || to === value ? '' : ` -> ${to}`;
    return `${item === chosen ? '>' : ' '} ${digit ?? ' '}  ${name.padEnd(width)}  ${value}${now} ${unit}`;
  });
  const switches = levels.map(({ key, active }) => `${key} ${word(active)}`).join('   ');
  return [
    '',
    ...items,
    '',
    `${moving ? '*' : ' '} ${mover.state}`,
    `  ${switches}`,
    '',
    `  ${mover.help}`,
    `  it stops ${HOLD_MS} ms after the last key · number or Tab: choose · Enter: take the value · q: off, and end`,
  ];
};
