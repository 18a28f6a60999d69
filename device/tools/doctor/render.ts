import type { Check, Section, Status } from './doctor.js';

export interface Style {
  readonly colour: boolean;
  /** At which lines are wrapped; infinite where they are not. */
  readonly columns: number;
}

const MARKS: Readonly<Record<Status, { readonly mark: string; readonly colour: number }>> = {
  ok: { mark: '✓', colour: 32 },
  note: { mark: '·', colour: 33 },
  fail: { mark: '✗', colour: 31 },
};
const BOLD = 1;

/** For a terminal: a line for each check with a mark, the names in a column, long texts on under their beginning. */
export const renderSection = (section: Section, style: Style): string =>
  render(section, style, ({ status }) => `${paint(style, MARKS[status].colour, MARKS[status].mark)} `);

/** The same without marks, where nothing was checked. */
export const renderFacts = (section: Section, style: Style): string => render(section, style, () => '');

const render = ({ title, checks }: Section, style: Style, markOf: (check: Check) => string): string => {
  const width = Math.max(...checks.map(({ name }) => plain(name).length));
  const lines = checks.flatMap((check) => {
    const mark = markOf(check);
    const indent = width + (mark ? 6 : 4);
    const [first = '', ...more] = check.text
      .split('\n')
      .flatMap((line) => wrap(plain(line), style.columns - indent));
    return [
      `  ${mark}${plain(check.name).padEnd(width)}  ${first}`.trimEnd(),
      ...more.map((line) => ' '.repeat(indent) + line),
    ];
  });
  return `${[paint(style, BOLD, title), ...lines].join('\n')}\n`;
};

const paint = ({ colour }: Style, code: number, text: string): string =>
  colour ? `\u001b[${code}m${text}\u001b[0m` : text;

/** Some of what is shown comes from a bundle or a library: no control character of it reaches the terminal. */
const plain = (text: string): string => text.replace(/\p{Cc}/gu, '\ufffd');

const NARROWEST = 30;

const wrap = (line: string, columns: number): string[] => {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > Math.max(columns, NARROWEST)) {
    const space = rest.lastIndexOf(' ', Math.max(columns, NARROWEST));
    if (space <= 0) break;
    lines.push(rest.slice(0, space));
    rest = rest.slice(space + 1);
  }
  return [...lines, rest];
};
