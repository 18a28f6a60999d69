import { parseConfig } from '../../../device/config/load.js';
import type { Change } from '../../../device/tools/calibrate/calibrate.js';

// Configurations that tests edit, and changes of them.

export const parse = (text: string) => parseConfig(text, 'sortbin.yaml');

export const pulse = (name: string, from: number, to: number): Change => ({
  path: ['gate', 'compartments', name, 'pulseUs'],
  from,
  to,
});
export const HOME: Change = { path: ['gate', 'homePulseUs'], from: 1500, to: 1480 };

export const TEXT = `# the bin in the hall
mqtt: {url:   null}   # none

gate:  # turntable
    # what it is
    driver:   "servo"
    calibration: { fromDegrees: -90, toDegrees: 90, fromUs: 600, toUs: 2400 } # by protractor
    compartments:
        paper: {pulseUs: 0x3E8 , end: null}   # left


        # the right one
        glass:
            end: null
            degrees:   4.5e1
        packaging: { pulseUs: 1500 }
`;

export const OUTPUTS = `gate:
  driver: lines
  compartments:
    # the left one
    paper:
      output: { chip: a } # coil A

    glass: { output: { chip: a, offset: 1 } }
`;

export const onMs = (name: string, to: number): Change => ({
  path: ['gate', 'compartments', name, 'onMs'],
  from: 400,
  to,
});

export const GLASS = {
  path: ['gate', 'compartments', 'glass', 'degrees'],
  from: 45,
  to: -12.3,
} satisfies Change;
export const POINT: Change = { path: ['gate', 'calibration', 'toUs'], from: 2400, to: 2380 };
