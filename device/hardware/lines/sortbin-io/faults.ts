import type { Fault } from '../../../kit/errors.js';
import type { LineFault } from '../lines.js';
import type { IoCode } from './protocol.js';

const LIST_LINES = 'Run gpiodetect and gpioinfo to list the chips and lines of this machine.';

const MEANINGS: Record<IoCode, { readonly code: LineFault; readonly problem: string; readonly fix: string }> =
  {
    missing: { code: 'line-missing', problem: 'not found', fix: LIST_LINES },
    busy: {
      code: 'line-busy',
      problem: 'another process holds the line',
      fix: 'Run gpioinfo to find it and stop it, or choose another line.',
    },
    denied: {
      code: 'line-denied',
      problem: 'no permission',
      fix: 'Add the user that runs sortbin to the group gpio, then restart sortbin.',
    },
    gone: { code: 'line-gone', problem: 'the chip was unplugged', fix: 'Plug it in again.' },
    refused: { code: 'line-refused', problem: 'a rule forbids this now', fix: 'Try again later.' },
    guarded: {
      code: 'line-guarded',
      problem: 'stays off because a guard is active',
      fix: 'Clear what the guard detects.',
    },
    failed: {
      code: 'line-unsupported',
      problem: 'the kernel rejected the request',
      fix: `This chip may not support the bias, debounce or edges of this line. ${LIST_LINES}`,
    },
    command: {
      code: 'line-unsupported',
      problem: 'sortbin-io does not understand the command',
      fix: 'Use the sortbin-io of this release.',
    },
  };

/** Returns the fault for an error of sortbin-io. `text` is the text of that error. */
export const faultOf = (name: string, place: string, code: IoCode, text: string): Fault<LineFault> => {
  const { code: fault, problem, fix } = MEANINGS[code];
  return {
    code: fault,
    message: `"${name}" (${place}): ${problem} (${text || code}). ${fix}`,
    detail: name,
  };
};
