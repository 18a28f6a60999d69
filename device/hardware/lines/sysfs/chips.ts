import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, done, failed, messageOf } from '../../../kit/errors.js';
import type { LineFault, LineRef } from '../lines.js';
import { USE_SORTBIN_IO } from './faults.js';

interface Chip {
  readonly label: string;
  readonly base: number;
  readonly lines: number;
}

const read = async (folder: string, file: string): Promise<string> =>
  (await readFile(join(folder, file), 'utf8')).trim();

/** Lists the chips of /sys/class/gpio. The kernel chooses their base numbers, which differ between kernels. */
const readChips = async (root: string): Promise<Chip[]> => {
  const folders = (await readdir(root)).filter((folder) => /^gpiochip\d+$/.test(folder)).sort();
  return Promise.all(
    folders.map(async (folder) => ({
      label: await read(join(root, folder), 'label'),
      base: Number(await read(join(root, folder), 'base')),
      lines: Number(await read(join(root, folder), 'ngpio')),
    })),
  );
};

/** Returns the number of a line in sysfs: the base of its chip plus its offset. */
export const numberOf = async (
  root: string,
  name: string,
  at: LineRef,
): Promise<Answer<number, LineFault>> => {
  if (!('chip' in at)) {
    return failed(
      'line-unsupported',
      `"${name}" (${at.line}): sysfs cannot find a line by its name. Give chip and offset, or set lines.driver to sortbin-io.`,
      name,
    );
  }
  const chips = await readChips(root).catch((thrown: unknown) => messageOf(thrown));
  if (typeof chips === 'string') {
    return failed(
      'line-unsupported',
      `"${name}": cannot list the chips in ${root} (${chips}). ${USE_SORTBIN_IO}`,
      name,
    );
  }
  const [chip, second] = chips.filter(({ label }) => label === at.chip);
  if (!chip) {
    const labels = chips.map(({ label }) => label).join(', ') || 'none';
    return failed(
      'line-missing',
      `"${name}": no chip in ${root} has the label "${at.chip}". Available labels: ${labels}.`,
      name,
    );
  }
  if (second) {
    return failed(
      'line-missing',
      `"${name}": several chips in ${root} have the label "${at.chip}". ${USE_SORTBIN_IO} It finds chips by name.`,
      name,
    );
  }
  if (at.offset >= chip.lines) {
    return failed(
      'line-missing',
      `"${name}" (${at.chip}): offset is ${at.offset}. This chip has the lines 0 to ${chip.lines - 1}.`,
      name,
    );
  }
  return done(chip.base + at.offset);
};
