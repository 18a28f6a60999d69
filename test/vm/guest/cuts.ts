import { randomOf } from '../../support/random.js';
import type { LogEntry } from './write-log.js';

/** A moment at which the durable content of the disk changes, or at which a mark was made. */
interface Moment {
  /** The entries before this index are durable. */
  readonly end: number;
  readonly marks: readonly string[];
  /** Whether the last entry is a mark. */
  readonly isMark: boolean;
  /** The writes between this moment and the next flush. A power cut leaves any part of them. */
  readonly unflushed: readonly LogEntry[];
}

/** A part of a write that reached the disk. */
export type Written = Pick<LogEntry, 'position' | 'data'>;

export interface Cut extends Moment {
  /** What the disk has beyond the durable content. */
  readonly written: readonly Written[];
}

/** Cuts with a part of the unflushed writes, for each moment that has such writes. */
const PARTIAL_CUTS = 4;
/** ext4 relies on the disk to write each of its blocks as a whole. */
const BLOCK_BYTES = 4096;
/** The data of a file may be torn between two sectors. */
const SECTOR_BYTES = 512;
const TORN_SHARE = 0.2;

/** Returns the possible cuts in their order: at each moment, one that loses all unflushed writes, and some others. */
export const cutsOf = (entries: readonly LogEntry[], seed: number): Cut[] => {
  const random = randomOf(seed);
  return momentsOf(entries).flatMap((moment): Cut[] => {
    const partial = Array.from({ length: moment.unflushed.length > 0 ? PARTIAL_CUTS : 0 }, () => ({
      ...moment,
      written: choosePart(moment.unflushed, random),
    }));
    return [{ ...moment, written: [] }, ...partial];
  });
};

/** Returns the cuts at marks and `count` others in their order, chosen by the seed. */
export const chooseCuts = (cuts: readonly Cut[], count: number, seed: number): Cut[] => {
  const random = randomOf(seed);
  const isAtMark = ({ isMark, written }: Cut) => isMark && written.length === 0;
  const others = cuts.filter((cut) => !isAtMark(cut)).map((cut) => ({ cut, key: random() }));
  const shuffled = others.sort((a, b) => a.key - b.key).map(({ cut }) => cut);
  const chosen = new Set(shuffled.slice(0, count));
  return cuts.filter((cut) => isAtMark(cut) || chosen.has(cut));
};

const momentsOf = (entries: readonly LogEntry[]): Moment[] => {
  const moments: Moment[] = [];
  const marks: string[] = [];
  for (let end = 0; end <= entries.length; end += 1) {
    const last = entries[end - 1];
    // The log has these writes only because the flush after them is complete.
    if (last?.kind === 'write') continue;
    if (last?.kind === 'mark') marks.push(last.name);
    const next = entries.findIndex(({ kind }, index) => index >= end && kind !== 'write');
    const unflushed = entries.slice(end, next < 0 ? undefined : next);
    moments.push({ end, marks: [...marks], isMark: last?.kind === 'mark', unflushed });
  }
  return moments;
};

/** Returns some blocks of the writes, or all of the first ones. Blocks of files may be torn. */
const choosePart = (writes: readonly LogEntry[], random: () => number): Written[] => {
  const blocks = writes.flatMap(blocksOf);
  const share = random();
  const isInOrder = random() < 0.5;
  const kept = isInOrder
    ? blocks.slice(0, Math.ceil(blocks.length * share))
    : blocks.filter(() => random() < share);
  return kept.map(({ position, data, isMetadata }) => {
    if (isMetadata || random() >= TORN_SHARE) return { position, data };
    const sectors = Math.floor((random() * data.length) / SECTOR_BYTES);
    return { position, data: data.subarray(0, sectors * SECTOR_BYTES) };
  });
};

const blocksOf = ({ position, data, ...rest }: LogEntry): LogEntry[] =>
  Array.from({ length: Math.ceil(data.length / BLOCK_BYTES) }, (_, index) => {
    const from = index * BLOCK_BYTES;
    return { ...rest, position: position + from, data: data.subarray(from, from + BLOCK_BYTES) };
  });
