import type { BinState } from './status.js';

/** What a bin does, in one word. */
export const MODES = ['starting', 'ready', 'busy', 'held', 'fault', 'stopped'] as const;
export type Mode = (typeof MODES)[number];

/** The parts without which no item is sorted. */
const NEEDED_PARTS: ReadonlySet<string> = new Set([
  ...['lines', 'sensor', 'camera', 'vision'],
  ...['gate', 'journal', 'item'],
]);
/** Faults of these parts that only report what happened before the start. */
const PAST_CODES: ReadonlySet<string> = new Set(['journal-set-aside']);

/** Returns the mode of a bin. A fault counts only if no item can be sorted because of it. */
export const modeOf = ({
  cycle,
  locked,
  held,
  faults,
}: Pick<BinState, 'cycle' | 'locked' | 'held' | 'faults'>): Mode => {
  if (cycle === 'stopped') return 'stopped';
  if (cycle === 'new') return 'starting';
  // The current item of a held bin is finished first, with a move of the gate.
  if (locked || (held && cycle === 'held')) return 'held';
  if (faults.some(({ part, code }) => NEEDED_PARTS.has(part) && !PAST_CODES.has(code))) return 'fault';
  return cycle === 'idle' ? 'ready' : 'busy';
};
