import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, done, type Fault, failed, messageOf } from '../../../kit/errors.js';
import type { LineFault, LineRef } from '../lines.js';

interface Chip {
  readonly label: string;
  readonly base: number;
  readonly lines: number;
}

const read = async (folder: string, file: string): Promise<string> =>
  (await readFile(join(folder, file), 'utf8')).trim();

/** The chips below /sys/class/gpio; their numbers are the kernel's own choice, and differ from one to the next. */
const chipsOf = async (root: string): Promise<Chip[]> => {
  const folders = (await readdir(root)).filter((folder) => /^gpiochip\d+$/.test(folder)).sort();
  return Promise.all(
    folders.map(async (folder) => ({
      label: await read(join(root, folder), 'label'),
      base: Number(await read(join(root, folder), 'base')),
      lines: Number(await read(join(root, folder), 'ngpio')),
    })),
  );
};

/** The number by which sysfs knows a line at this moment: the base of its chip, and its offset. */
export const numberOf = async (
  root: string,
  name: string,
  at: LineRef,
): Promise<Answer<number, LineFault>> => {
  if (!('chip' in at)) {
    return failed(
      'line-unsupported',
      `"${name}": sysfs does not know the line "${at.line}" by its name; give chip and offset, or use the driver sortbin-io`,
    );
  }
  const chips = await chipsOf(root).catch((thrown: unknown) => messageOf(thrown));
  if (typeof chips === 'string')
    return failed('line-unsupported', `"${name}": no chips in ${root}: ${chips}`);
  const [chip, second] = chips.filter(({ label }) => label === at.chip);
  if (!chip) {
    const labels = chips.map(({ label }) => label).join(', ') || 'none';
    return failed(
      'line-missing',
      `"${name}": no chip in ${root} has the label "${at.chip}"; there are: ${labels}`,
    );
  }
  if (second) {
    return failed(
      'line-missing',
      `"${name}": several chips in ${root} have the label "${at.chip}"; use the driver sortbin-io, which knows them by name`,
    );
  }
  if (at.offset >= chip.lines) {
    return failed(
      'line-missing',
      `"${name}": ${at.chip} has the lines 0 to ${chip.lines - 1}, not ${at.offset}`,
    );
  }
  return done(chip.base + at.offset);
};

const MEANINGS: Record<string, { readonly code: LineFault; readonly cure: string }> = {
  EBUSY: { code: 'line-busy', cure: 'somebody else holds it; gpioinfo shows who' },
  EACCES: {
    code: 'line-denied',
    cure: 'add the user that runs sortbin to the group gpio, and start it anew',
  },
  EPERM: { code: 'line-denied', cure: 'add the user that runs sortbin to the group gpio, and start it anew' },
  ENODEV: { code: 'line-gone', cure: 'its chip was unplugged; plug it in again, and start sortbin anew' },
  ENOENT: { code: 'line-gone', cure: 'it is no longer exported; start sortbin anew' },
  EINVAL: { code: 'line-missing', cure: 'sysfs has no such line' },
};

/** The fault behind what the file system threw. */
export const sysfsFault = (name: string, what: string, thrown: unknown): Fault<LineFault> => {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const meaning = MEANINGS[code] ?? { code: 'line-unsupported', cure: 'use the driver sortbin-io' };
  return { code: meaning.code, message: `"${name}" (${what}): ${messageOf(thrown)}; ${meaning.cure}` };
};
