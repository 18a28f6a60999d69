import { type Fault, messageOf } from '../../../kit/errors.js';
import type { LineFault } from '../lines.js';

/** The fix for everything that sysfs cannot do. */
export const USE_SORTBIN_IO = 'Set lines.driver to sortbin-io.';

const ADD_TO_GROUP = 'Add the user that runs sortbin to the group gpio, then restart sortbin.';

const MEANINGS: Record<string, { readonly code: LineFault; readonly fix: string }> = {
  EBUSY: { code: 'line-busy', fix: 'Another process holds the line. Run gpioinfo to find it.' },
  EACCES: { code: 'line-denied', fix: ADD_TO_GROUP },
  EPERM: { code: 'line-denied', fix: ADD_TO_GROUP },
  ENODEV: {
    code: 'line-gone',
    fix: 'The chip was unplugged. Plug it in again, then restart sortbin.',
  },
  ENOENT: { code: 'line-gone', fix: 'The line is no longer exported. Restart sortbin.' },
  EINVAL: { code: 'line-missing', fix: 'This line does not exist in sysfs. Check the chip and the offset.' },
};

/** Returns the fault for an error of the file system. */
export const sysfsFault = (name: string, place: string, thrown: unknown): Fault<LineFault> => {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const meaning = MEANINGS[code] ?? { code: 'line-unsupported', fix: USE_SORTBIN_IO };
  return {
    code: meaning.code,
    message: `"${name}" (${place}): ${messageOf(thrown)}. ${meaning.fix}`,
    detail: name,
  };
};
