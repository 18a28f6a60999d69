import { percentiles } from '../../../device/tools/bench/report.js';
import type { Item, Operation } from './bench-bin.js';

/** What happened on the bin during an item. */
export const MOMENTS = [
  'no update',
  'metadata and download',
  'checks',
  'second process starts',
  'first after the exchange',
] as const;
export type Moment = (typeof MOMENTS)[number];

export interface Waits {
  readonly moment: Moment;
  readonly items: number;
  /** Not taken, because the item before had not ended. */
  readonly busy: number;
  /** Taken, but not sorted. */
  readonly failed: number;
  /** From the trigger of the bench to the outcome, in milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

const endOf = ({ sentMs, event }: Item): number =>
  event === null ? sentMs : Date.parse(event.at) + (event.timingsMs.total ?? 0);

/** Returns the moment of each item: the last phase that it overlaps. */
const momentOf = (item: Item, before: Item | undefined, operations: readonly Operation[]): Moment => {
  const [version, earlier] = [item.event?.model?.version, before?.event?.model?.version];
  if (version !== undefined && earlier !== undefined && version !== earlier)
    return 'first after the exchange';
  const operation = operations.find(({ startMs, endMs }) => endOf(item) >= startMs && item.sentMs <= endMs);
  if (!operation) return 'no update';
  const phase = operation.phases.findLast(({ atMs }) => atMs <= endOf(item))?.phase;
  if (phase === 'activating') return 'second process starts';
  return phase === 'checking' ? 'checks' : 'metadata and download';
};

/** Groups items by what happened on the bin. */
export const waitsOf = (items: readonly Item[], operations: readonly Operation[]): Waits[] => {
  const groups = new Map<Moment, Item[]>();
  for (const [index, item] of items.entries()) {
    const moment = momentOf(item, items[index - 1], operations);
    groups.set(moment, [...(groups.get(moment) ?? []), item]);
  }
  return MOMENTS.flatMap((moment) => {
    const group = groups.get(moment);
    if (!group) return [];
    const taken = group.filter(({ event }) => event !== null);
    const sorted = taken.filter(({ event }) => event?.outcome === 'sorted');
    const times = sorted.map((item) => endOf(item) - item.sentMs);
    const { p50, p95 } = percentiles(times);
    return {
      moment,
      items: group.length,
      busy: group.length - taken.length,
      failed: taken.length - sorted.length,
      p50,
      p95,
      max: Math.max(...times),
    };
  });
};
