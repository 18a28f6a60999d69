import type { Item, ServoConfig } from './mover.js';

type Calibration = NonNullable<ServoConfig['calibration']>;

/** The two points of the calibration: the pulses at which the servo stands at their angles. */
export interface Points {
  readonly angles: Calibration;
  readonly from: Item;
  readonly to: Item;
}

export interface ServoItems {
  readonly all: readonly [Item, ...Item[]];
  /** null: there is no calibration. */
  readonly points: Points | null;
}

/** What can be found anew: home, the compartments and the points of the calibration, each in the unit it is given in. */
export const servoItems = ({
  homePulseUs,
  homeDegrees,
  compartments,
  calibration,
}: ServoConfig): ServoItems => {
  let digits = 0;
  const item = (name: string, unit: Item['unit'], value: number, ...path: string[]): Item => {
    const digit = digits < 10 ? `${digits++}` : null;
    return { name, digit, path: ['gate', ...path], value, unit };
  };
  const home =
    homeDegrees === null
      ? item('home', 'us', homePulseUs, 'homePulseUs')
      : item('home', 'degrees', homeDegrees, 'homeDegrees');
  const ways = Object.entries(compartments).map(([name, way]) =>
    'pulseUs' in way
      ? item(name, 'us', way.pulseUs, 'compartments', name, 'pulseUs')
      : item(name, 'degrees', way.degrees, 'compartments', name, 'degrees'),
  );
  if (!calibration) return { all: [home, ...ways], points: null };
  const from = item('calibration from', 'us', calibration.fromUs, 'calibration', 'fromUs');
  const to = item('calibration to', 'us', calibration.toUs, 'calibration', 'toUs');
  return { all: [home, ...ways, from, to], points: { angles: calibration, from, to } };
};
