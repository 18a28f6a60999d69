import { packageVersion } from '../../kit/root.js';
import { type Examination, type Section, verdictOf } from '../doctor/doctor.js';
import { renderSection, type Style } from '../doctor/render.js';

/** Prints each section as soon as it is there, or all of them as JSON, and sets the exit code. */
export const report = async (examinations: readonly Examination[], json: boolean): Promise<void> => {
  const sections: Section[] = [];
  const style = terminalStyle();
  for (const examine of examinations) {
    const section = await examine();
    if (!json) process.stdout.write(`${sections.length > 0 ? '\n' : ''}${renderSection(section, style)}`);
    sections.push(section);
  }
  const exitCode = verdictOf(sections);
  if (json) {
    const shown = sections.map(({ title, checks }) => ({ title, checks }));
    print({ schema: 1, sortbin: packageVersion(), exitCode, sections: shown });
  }
  if (exitCode !== 0) process.exitCode = exitCode;
};

export const print = (json: object): void => {
  process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
};

/** Plain where the output is no terminal; without colour also as https://no-color.org asks. */
export const terminalStyle = (): Style => {
  const { isTTY, columns } = process.stdout;
  return {
    colour: isTTY === true && !process.env.NO_COLOR,
    columns: isTTY ? columns : Number.POSITIVE_INFINITY,
  };
};
