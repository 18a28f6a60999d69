import type { Fault } from '../../../kit/errors.js';
import type { LineFault } from '../lines.js';
import type { IoCode } from './protocol.js';

const LISTED = 'gpiodetect and gpioinfo list the chips and lines of this machine';

/** What each code of sortbin-io means for the daemon, and what to do about it. */
const MEANINGS: Record<IoCode, { readonly code: LineFault; readonly means: string; readonly cure: string }> =
  {
    missing: { code: 'line-missing', means: 'is not there', cure: LISTED },
    busy: {
      code: 'line-busy',
      means: 'is held by somebody else',
      cure: 'gpioinfo shows the holder; end it, or choose another line',
    },
    denied: {
      code: 'line-denied',
      means: 'may not be opened',
      cure: 'add the user that runs sortbin to the group gpio, and start it anew',
    },
    gone: { code: 'line-gone', means: 'was unplugged', cure: 'plug its chip in again' },
    refused: { code: 'line-refused', means: 'is refused for now', cure: 'ask again later' },
    guarded: {
      code: 'line-guarded',
      means: 'stays off, a guard is active',
      cure: 'clear what the guard sees',
    },
    failed: {
      code: 'line-unsupported',
      means: 'is not taken by the kernel',
      cure: `this chip may lack what the rules ask for; ${LISTED}`,
    },
    command: {
      code: 'line-unsupported',
      means: 'is not understood by sortbin-io',
      cure: 'use the sortbin-io of this release',
    },
  };

/** The fault behind an error of sortbin-io; `text` is its own. */
export const faultOf = (name: string, where: string, code: IoCode, text: string): Fault<LineFault> => {
  const { code: fault, means, cure } = MEANINGS[code];
  return { code: fault, message: `"${name}" (${where}) ${means}: ${text || code}; ${cure}` };
};
