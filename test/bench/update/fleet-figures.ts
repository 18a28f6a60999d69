import { parseConfig } from '../../../device/config/load.js';
import { pollingOf } from '../../../device/wire/update.js';
import { type FleetOptions, type PollRate, rateOf, simulateFleet } from './fleet.js';

export interface Scenario extends PollRate {
  readonly what: string;
}

export interface Fleet {
  readonly bins: number;
  readonly everyMinutes: number;
  /** Mean polls per second: bins / mean interval. */
  readonly computedPerSecond: number;
  readonly scenarios: readonly Scenario[];
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Simulates fleets with the default configuration, whose bins start at the same moment: the worst case. */
export const simulateFleets = async (bins: number): Promise<Fleet> => {
  const { everyMinutes } = parseConfig('', 'bench').update;
  const simulate = ({ hours = null, ...options }: Partial<FleetOptions>) =>
    simulateFleet({
      bins,
      polling: pollingOf(everyMinutes, hours),
      hours,
      faultAt: () => null,
      startAt: '12:00',
      durationMs: 48 * HOUR_MS,
      ...options,
    });
  const started = await simulate({});
  // The bins wait from their start at 21:45 until 22:00.
  const hoursMs = 15 * MINUTE_MS;
  const limited = await simulate({
    hours: { from: '22:00', to: '06:00' },
    startAt: '21:45',
    durationMs: hoursMs + 8 * HOUR_MS,
  });
  const outageMs = 2 * HOUR_MS;
  const failed = await simulate({
    faultAt: (sinceStartMs) => (sinceStartMs < outageMs ? 'update-unreachable' : null),
    durationMs: outageMs + 10 * HOUR_MS,
  });
  const scenario = (what: string, polls: readonly number[], fromMs: number, toMs: number): Scenario => ({
    what,
    ...rateOf(polls, fromMs, toMs),
  });
  return {
    bins,
    everyMinutes,
    computedPerSecond: bins / (everyMinutes * 60),
    scenarios: [
      scenario('all start at once: first 5 min', started, 0, 5 * MINUTE_MS),
      scenario('the 12 h after that', started, 5 * MINUTE_MS, 12 * HOUR_MS),
      scenario('the second day', started, 24 * HOUR_MS, 48 * HOUR_MS),
      scenario('hours 22:00-06:00: first 5 min', limited, hoursMs, hoursMs + 5 * MINUTE_MS),
      scenario('the rest of these hours', limited, hoursMs + 5 * MINUTE_MS, hoursMs + 8 * HOUR_MS),
      scenario('server down at the start, 2 h', failed, 0, outageMs),
      scenario('first hour after it is back', failed, outageMs, outageMs + HOUR_MS),
    ],
  };
};
