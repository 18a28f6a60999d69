import type { Trial, Verdict } from './trial.js';

/** Runs a bin against a broker, with faults. It ends what it has started. */
export type Scenario = (trial: Trial) => Promise<Verdict>;

/** Scenarios by name. */
export type Scenarios = Readonly<Record<string, Scenario>>;

/** Ends what a scenario has started, the newest first, also if the scenario fails. */
export const withCleanup = async <T>(
  use: (later: (end: () => Promise<unknown>) => void) => Promise<T>,
): Promise<T> => {
  const ends: (() => Promise<unknown>)[] = [];
  try {
    return await use((end) => ends.push(end));
  } finally {
    for (const end of ends.reverse()) await end();
  }
};
