import { type Change, keyOf } from './calibrate.js';
import { HOLD_MS } from './hold.js';
import type { Level } from './levels.js';
import type { Item, Mover } from './mover.js';

/** The texts of the screen. */

const word = (active: boolean): string => (active ? 'active' : '-');

/** `10:31:02.120  gate.lid  active` */
export const levelLine = ({ atMs, key, active }: Level): string =>
  `${timeOf(atMs)}  ${key}  ${active ? 'active' : 'not active'}`;

export const levelTable = (levels: readonly Level[]): string[] => {
  const width = longest(levels.map(({ key }) => key));
  return levels.map(({ key, active, edges, atMs }) =>
    `  ${key.padEnd(width)}  ${word(active).padEnd(6)}  ${edges === 0 ? '' : `${count(edges)}, last ${timeOf(atMs)}`}`.trimEnd(),
  );
};

/** `gate.homePulseUs  1500 -> 1480` */
export const changeLines = (changes: readonly Change[]): string[] => {
  const width = longest(changes.map(({ path }) => keyOf(path)));
  return changes.map(({ path, from, to }) => `  ${keyOf(path).padEnd(width)}  ${from} -> ${to}`);
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

const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map(({ length }) => length));

/** In the zone of the machine. */
const timeOf = (atMs: number): string => {
  const date = new Date(atMs);
  const two = (part: number) => String(part).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
};

const count = (edges: number): string => (edges === 1 ? '1 change' : `${edges} changes`);
