import { escapeControls } from '../../kit/plain-text.js';
import { packageVersion } from '../../kit/root.js';
import { type Examination, type Section, verdictOf } from '../doctor/doctor.js';
import { renderSection, type Style } from '../doctor/render.js';

/** Prints each section when it is ready, or all sections together as JSON. Sets the exit code. */
export const reportSections = async (examinations: readonly Examination[], json: boolean): Promise<void> => {
  const sections: Section[] = [];
  const style = terminalStyle();
  for (const examine of examinations) {
    const section = await examine();
    if (!json) process.stdout.write(`${sections.length > 0 ? '\n' : ''}${renderSection(section, style)}`);
    sections.push(section);
  }
  const exitCode = verdictOf(sections);
  if (json) {
    const printed = sections.map(({ title, checks }) => ({ title, checks }));
    printJson({ schema: 1, sortbin: packageVersion(), exitCode, sections: printed });
  }
  if (exitCode !== 0) process.exitCode = exitCode;
};

export const printJson = (value: object): void => {
  process.stdout.write(`${escapeControls(JSON.stringify(value, null, 2))}\n`);
};

/** Returns whether a stream accepts control characters. `NO_COLOR` is explained at `https://no-color.org`. */
export const canDraw = ({ isTTY }: Pick<NodeJS.WriteStream, 'isTTY'>): boolean =>
  isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';

/** Returns the style of standard output. `NO_COLOR`, and `TERM=dumb`, turn colours off. */
export const terminalStyle = (): Style => {
  const { isTTY, columns } = process.stdout;
  return {
    colour: canDraw(process.stdout),
    columns: isTTY ? columns : Number.POSITIVE_INFINITY,
  };
};

/** Returns the help text that lists the exit codes of a command. */
export const exitCodesHelp = (codes: Readonly<Record<number, string>>): string =>
  `\nExit codes:\n${Object.entries(codes)
    .map(([code, meaning]) => `  ${code.padEnd(3)} ${meaning}`)
    .join('\n')}`;
