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
