/**
 * Hold to move: what is on while a key is held. A terminal tells only of keys that come, never of one that is let go,
 * so that "held" means: it came again a moment ago. A keyboard repeats a held key for the first time after 250 to 660 ms,
 * and then every 30 to 100 ms.
 */

/**
 * So long in ms after the last key everything is off. Four times a slow repeat, so that a network that stumbles does not
 * chop the move; and short enough for a hand that lets go.
 */
export const HOLD_MS = 400;

/** In this time in ms the first repeat must have come. One key alone moves nothing: it may have been a sleeve. */
export const START_MS = 1_000;

/** `touched`: the key came once; `spent`: what it moved went off by itself, and stays so until the key is let go. */
export interface Hold {
  readonly at: 'free' | 'touched' | 'held' | 'spent';
  /** When the key came last, in monotonic milliseconds. */
  readonly lastKeyMs: number;
}

export const FREE: Hold = { at: 'free', lastKeyMs: Number.NEGATIVE_INFINITY };

/** When it ends if no key comes. */
export const endMs = ({ at, lastKeyMs }: Hold): number => lastKeyMs + (at === 'touched' ? START_MS : HOLD_MS);

const NEXT = { free: 'touched', touched: 'held', held: 'held', spent: 'spent' } as const;

/** A key that moves came. */
export const pressed = (hold: Hold, nowMs: number): Hold => ({
  at: NEXT[nowMs >= endMs(hold) ? 'free' : hold.at],
  lastKeyMs: nowMs,
});

/** What it moved went off by itself. */
export const spent = (hold: Hold): Hold => (hold.at === 'held' ? { ...hold, at: 'spent' } : hold);
