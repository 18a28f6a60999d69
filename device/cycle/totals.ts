import type { TotalsChange } from '../journal/journal.js';
import type { EventBody } from './event.js';

/** What the totals of a bin count. A name of a total is a kind, a slash and what it counts: `outcome/sorted`. */
export type TotalKind =
  /** Items by outcome. */
  | 'outcome'
  /** Sorted items by compartment, since the compartment was reported as emptied. */
  | 'compartment'
  /** Decided items by label. */
  | 'label'
  /** Decided items by the reason of the decision. */
  | 'reason'
  /** Time of the last report that a compartment was emptied, in milliseconds since 1970. */
  | 'emptied';

const nameOf = (kind: TotalKind, what: string): string => `${kind}/${what}`;

/** Returns how an event changes the totals. */
export const totalsOf = ({ outcome, compartment = '', at, count = 1, decision }: EventBody): TotalsChange => {
  if (outcome === 'disputed') return { add: {}, set: {} };
  if (outcome === 'emptied')
    return {
      add: {},
      set: { [nameOf('compartment', compartment)]: 0, [nameOf('emptied', compartment)]: Date.parse(at) },
    };
  const add: Record<string, number> = { [nameOf('outcome', outcome)]: count };
  if (decision) {
    const { label, reason, compartment: chosen } = decision;
    if (outcome === 'sorted' && chosen !== null) add[nameOf('compartment', chosen)] = 1;
    if (label !== null) add[nameOf('label', label)] = 1;
    add[nameOf('reason', reason)] = 1;
  }
  return { add, set: {} };
};

/** Applies a change to totals in memory, as the journal does on disk. */
export const applyTotals = (totals: Map<string, number>, { add, set }: TotalsChange): void => {
  for (const [name, value] of Object.entries(add)) totals.set(name, (totals.get(name) ?? 0) + value);
  for (const [name, value] of Object.entries(set)) totals.set(name, value);
};

/** Returns the totals of one kind, by what they count, without those that are 0. */
export const totalsOfKind = (totals: ReadonlyMap<string, number>, kind: TotalKind): Record<string, number> =>
  Object.fromEntries(
    [...totals]
      .filter(([name, value]) => name.startsWith(`${kind}/`) && value !== 0)
      .map(([name, value]) => [name.slice(kind.length + 1), value]),
  );
