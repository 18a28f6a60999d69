import { plain } from '../../kit/plain-text.js';
import { wrap } from '../../kit/wrap.js';
import type { Check, Section, Status } from './doctor.js';

export interface Style {
  readonly colour: boolean;
  /** Width at which lines are wrapped. Infinity: no wrapping. */
  readonly columns: number;
}

const MARKS: Readonly<Record<Status, { readonly mark: string; readonly colour: number }>> = {
  ok: { mark: '✓', colour: 32 },
  note: { mark: '·', colour: 33 },
  fail: { mark: '✗', colour: 31 },
};
const BOLD = 1;

/** Names on the terminal of checks whose name in --json must not change. */
const LABELS: Readonly<Record<string, string>> = { taken: 'selected' };

/** Formats a section: one line per check, with a mark, a column of names, and wrapped texts. */
export const renderSection = ({ checks, ...section }: Section, style: Style): string =>
  render(
    { ...section, checks: checks.map(labelled) },
    style,
    ({ status }) => `${paint(style, MARKS[status].colour, MARKS[status].mark)} `,
  );

const labelled = (check: Check): Check => ({ ...check, name: LABELS[check.name] ?? check.name });

/** Formats a section of plain facts, without marks. */
export const renderFacts = (section: Section, style: Style): string => render(section, style, () => '');

const render = ({ title, checks }: Section, style: Style, markOf: (check: Check) => string): string => {
  const width = checks.reduce((widest, { name }) => Math.max(widest, plain(name).length), 0);
  const lines = checks.flatMap((check) => {
    const mark = markOf(check);
    const indent = width + (mark ? 6 : 4);
    const [first = '', ...more] = check.text
      .split('\n')
      .flatMap((line) => wrap(plain(line), style.columns - indent))
      .map((line) => ' '.repeat(indentOf(line, indent, style)) + line);
    const head = `  ${mark}${plain(check.name).padEnd(width)}  `;
    const isInColumn = first.startsWith(' '.repeat(indent));
    return isInColumn ? [head + first.slice(indent), ...more] : [head.trimEnd(), first, ...more];
  });
  return `${[paint(style, BOLD, plain(title)), ...lines].join('\n')}\n`;
};

const MIN_INDENT = 4;

/** A line with one long word, such as a path, leaves its column if it fits then. */
const indentOf = (line: string, indent: number, { columns }: Style): number =>
  indent + line.length > columns && MIN_INDENT + line.length <= columns ? MIN_INDENT : indent;

const paint = ({ colour }: Style, code: number, text: string): string =>
  colour ? `\u001b[${code}m${text}\u001b[0m` : text;
