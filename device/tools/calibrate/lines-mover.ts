import type { Input, Lines, Output } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import { outputRules } from '../../wire/lines.js';
import { had, type Key } from './calibrate.js';
import { endName } from './inputs.js';
import type { Levels } from './levels.js';
import { type Item, type LinesConfig, type Mover, unasked } from './mover.js';

interface Way {
  readonly output: Output;
  readonly maxOnMs: number;
  /** The switch that is active once the gate is there. */
  readonly end: Input | null;
}

/** Energises the output of a compartment, and measures for how long. */
export class LinesMover implements Mover {
  readonly help = 'hold space to move; let go when the item would have fallen, or let the end switch end it';
  #item: Item;
  #offer: number | null = null;
  #state = '';

  private constructor(
    readonly items: readonly [Item, ...Item[]],
    private readonly ways: ReadonlyMap<string, Way>,
    private readonly clock: Clock,
  ) {
    this.#item = items[0];
  }

  /** null: there is no way. @throws CalibrateError where a line cannot be had */
  static async of(
    gate: LinesConfig,
    guards: readonly string[],
    levels: Levels,
    lines: Lines,
    clock: Clock,
  ): Promise<LinesMover | null> {
    const ways = new Map<string, Way>();
    const items: Item[] = [];
    for (const [name, way] of Object.entries(gate.compartments)) {
      const rules = { ...outputRules(way.output), group: 'gate', guards };
      const output = had(`gate.compartments.${name}.output`, await lines.output(`gate-${name}`, rules));
      ways.set(name, { output, maxOnMs: way.output.maxOnMs, end: levels.input(endName(name)) });
      const digit = items.length < 9 ? `${items.length + 1}` : null;
      items.push({ name, digit, path: ['gate', 'compartments', name, 'onMs'], value: way.onMs, unit: 'ms' });
    }
    const [first, ...more] = items;
    return first ? new LinesMover([first, ...more], ways, clock) : null;
  }

  get offer(): number | null {
    return this.#offer;
  }

  get state(): string {
    return this.#state;
  }

  choose(item: Item): void {
    this.#item = item;
    this.#offer = null;
    const end = this.ways.get(item.name)?.end;
    this.#state = end ? `"${end.name}" ends it` : 'no end switch: the key ends it';
  }

  press(key: Key): 'moves' | 'nothing' {
    return key === ' ' ? 'moves' : 'nothing';
  }

  async drive(signal: AbortSignal, lastKeyMs: () => number): Promise<void> {
    const way = this.ways.get(this.#item.name);
    if (!way) return;
    this.#offer = null;
    const measure = await this.#measure(way, signal, lastKeyMs);
    // Another one may have been chosen meanwhile.
    if (way !== this.ways.get(this.#item.name)) return;
    const { onMs, words } = onMsOf(measure, way.maxOnMs, way.end?.name ?? null);
    this.#offer = onMs;
    this.#state = words;
  }

  async #measure(way: Way, signal: AbortSignal, lastKeyMs: () => number): Promise<Measure> {
    const stuck = await way.end?.active();
    if (stuck && !stuck.ok) return { at: 'failed', why: stuck.fault.message };
    if (!stuck?.value) return this.#energise(way, signal, lastKeyMs);
    const why = `"${way.end?.name}" is active before the move; free the gate, or its switch`;
    return { at: 'failed', why };
  }

  async #energise(way: Way, signal: AbortSignal, lastKeyMs: () => number): Promise<Measure> {
    const there = new AbortController();
    let atMs: number | null = null;
    const forget = way.end?.onEdge(({ active, atNs }) => {
      if (!active || atMs !== null) return;
      atMs = Number(atNs) / 1e6;
      there.abort();
    });
    this.#state = 'moving';
    const sinceMs = this.clock.monotonicMs();
    try {
      const answer = await way.output.hold(AbortSignal.any([signal, there.signal]));
      const why = unasked(answer, signal.aborted || there.signal.aborted);
      if (why !== null) return { at: 'failed', why };
      if (atMs !== null) return { at: 'end', afterMs: atMs - sinceMs };
      return { at: 'let-go', afterMs: lastKeyMs() - sinceMs };
    } finally {
      forget?.();
    }
  }
}

/** How an output that was held on came to its end; times in ms from when it was turned on. */
export type Measure =
  | { readonly at: 'end'; readonly afterMs: number }
  /** Until the last key. */
  | { readonly at: 'let-go'; readonly afterMs: number }
  | { readonly at: 'failed'; readonly why: string };

/** With an end switch `onMs` is the most that a move may take: cold grease and a weak supply are slower than today. */
const MARGIN = 1.5;
/** Proposals are rounded up to this. */
const GRAIN_MS = 10;
/** Shorter than this no hand holds a key. */
const LEAST_MS = 20;
/** What `onMs` may be at all. */
const MOST_MS = 60_000;

export interface Proposal {
  /** null: nothing to propose. */
  readonly onMs: number | null;
  readonly words: string;
}

/** What to make of a measure; `end`: the name of the switch, where there is one. */
export const onMsOf = (measure: Measure, maxOnMs: number, end: string | null): Proposal => {
  if (measure.at === 'failed') return { onMs: null, words: measure.why };
  const tookMs = Math.round(measure.afterMs);
  const propose = (ms: number) =>
    Math.min(Math.max(Math.ceil(ms / GRAIN_MS) * GRAIN_MS, GRAIN_MS), maxOnMs, MOST_MS);
  if (measure.at === 'end') {
    const onMs = propose(measure.afterMs * MARGIN);
    return {
      onMs,
      words: `there after ${tookMs} ms; with half of that as margin onMs is ${onMs}, Enter takes it`,
    };
  }
  if (end !== null)
    return {
      onMs: null,
      words: `let go after ${tookMs} ms, before "${end}" was active: hold on, or see to the switch`,
    };
  if (measure.afterMs < LEAST_MS) return { onMs: null, words: 'let go at once: hold the key longer' };
  const onMs = propose(measure.afterMs);
  return { onMs, words: `held for ${tookMs} ms: onMs is ${onMs}, Enter takes it` };
};
