import { z } from 'zod';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import type { EarlierCounters } from '../status/status.js';

/** Name of the stored state that says since when items are counted. */
const NAME = 'counters';
const schema = z.object({ since: z.iso.datetime() });

/** Returns the counters of earlier runs. At the first start of a bin, stores since when it counts. */
export const earlierCounters = async (
  journal: Pick<Journal, 'loadState' | 'saveState' | 'totals'>,
  clock: Pick<Clock, 'wallMs'>,
): Promise<EarlierCounters> => {
  const stored = schema.safeParse(await journal.loadState(NAME)).data;
  const { since } = stored ?? { since: new Date(clock.wallMs()).toISOString() };
  // A full disk must not prevent the start. The next start stores its own time then.
  if (!stored) await journal.saveState(NAME, { since }).catch(() => {});
  return { since, totals: await journal.totals() };
};
