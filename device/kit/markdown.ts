/** Returns a Markdown table with padded columns. The first row is its head. */
export const markdownTable = (rows: readonly (readonly string[])[]): string => {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |\n`;
  const [head = [], ...others] = cells;
  const rule = widths.map((width) => '-'.repeat(width));
  return [head, rule, ...others].map(line).join('');
};

/** Returns Markdown as plain text. Code has no mark. */
export const withoutMarks = (markdown: string): string => markdown.replaceAll('`', '');
