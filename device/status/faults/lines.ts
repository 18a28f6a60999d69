import type { LineFault } from '../../hardware/lines/lines.js';
import type { TriggerFault } from '../../hardware/trigger/trigger.js';
import type { FaultTexts } from './fault-text.js';

type LineCode = LineFault | TriggerFault | 'sensor-timeout' | 'item-stuck';

/** Faults of the GPIO lines, the sensor and the panel. */
export const LINE_FAULTS: FaultTexts<LineCode> = {
  'line-missing': {
    meaning: 'The configuration names a GPIO chip or line that this machine does not have.',
    cure: 'List the chips with `gpiodetect` or `sortbin doctor`. Correct `chip` and `line`.',
    page: 'hardware/bring-up.md#chip-names',
  },
  'line-busy': {
    meaning: 'Another program owns the line.',
    cure: 'Run `gpioinfo`. It names the program. Stop it, or use another line.',
  },
  'line-denied': {
    meaning: 'The user of the daemon may not use the GPIO chip.',
    cure: 'Add the user to the group `gpio`, and restart the bin.',
    page: 'hardware/wiring.md#permissions',
  },
  'line-gone': {
    meaning: 'The GPIO chip was unplugged.',
    cure: 'Plug it in again. The bin continues without a restart.',
  },
  'line-refused': {
    meaning: 'The rules forbid the output now, for example because another output of its group is on.',
    cure: 'Check `groups` and the maximum on-times in the configuration.',
  },
  'line-guarded': {
    meaning: 'A guard is active, for example an open lid.',
    cure: 'Close the lid, or check the guard input.',
  },
  'line-unsupported': {
    meaning: 'The driver or the chip cannot do what the configuration requires.',
    cure: 'Correct the key that the message names, for example `bias` or `debounceMs`.',
  },
  'lines-down': {
    meaning: 'sortbin-io exited or does not answer. All outputs are off. The daemon restarts it.',
    cure: 'If it stays, run `sortbin doctor`, and look for the reason in the log.',
  },
  'sensor-timeout': {
    meaning: 'The sensor gave no level within `cycle.levelMs`.',
    cure: 'Check the wires of the sensor. Run `sortbin calibrate`.',
  },
  'sensor-failed': {
    meaning: 'A measurement caused an error in the program. The bin measures again.',
    cure: 'Report it, with the lines of the log.',
  },
  'ultrasonic-silent': {
    meaning: 'The ultrasonic sensor does not answer.',
    cure: 'Check 5 V, trig and echo.',
  },
  'ultrasonic-out-of-range': {
    meaning: 'The ultrasonic sensor answers, but nothing in its range reflects the sound.',
    cure: 'Check where the sensor points. Soft items absorb sound.',
  },
  'ultrasonic-edges-lost': {
    meaning: 'Edges of the echo were lost, because the machine is too busy.',
    cure: 'Stop other programs on this machine.',
  },
  'item-stuck': {
    meaning: 'Something stays in front of the sensor.',
    cure: 'Remove it, or clean the sensor.',
  },
};
