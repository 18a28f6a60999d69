import { markdownTable } from '../../kit/markdown.js';
import { FAULT_GROUPS, type FaultText } from './faults.js';

/** Returns the tables of all fault codes as Markdown, for `docs/troubleshooting.md`. */
export const faultReference = (): string =>
  FAULT_GROUPS.map(({ title, faults, note }) => {
    const rows = Object.entries(faults).map(([code, text]) => [`\`${code}\``, text.meaning, cureOf(text)]);
    const table = markdownTable([['code', 'meaning', 'what to do'], ...rows]);
    return `### ${title}\n\n${table}${note ? `\n${note}\n` : ''}`;
  }).join('\n');

/** The page is itself in `docs/`, so links to its sections have no file name. */
const cureOf = ({ cure, page }: FaultText): string =>
  page === undefined ? cure : `${cure} [More](${page.replace(/^troubleshooting\.md(?=#)/, '')}).`;
