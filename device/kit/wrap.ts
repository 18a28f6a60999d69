const MIN_COLUMNS = 30;

/** Wraps a line at spaces. A word that is longer than the width gets its own line. The width is 30 at least. */
export const wrap = (line: string, columns: number): string[] => {
  const lines: string[] = [];
  let rest = line;
  const width = Math.max(columns, MIN_COLUMNS);
  while (rest.length > width) {
    const last = rest.lastIndexOf(' ', width);
    const space = last > 0 ? last : rest.indexOf(' ', 1);
    if (space < 0) break;
    lines.push(rest.slice(0, space));
    rest = rest.slice(space + 1);
  }
  return [...lines, rest];
};

/** Wraps each line of a text, and keeps its indentation. */
export const wrapText = (text: string, columns: number): string[] =>
  text.split('\n').flatMap((line) => {
    const indent = /^ */.exec(line)?.[0] ?? '';
    return wrap(line.slice(indent.length), columns - indent.length).map((part) => indent + part);
  });
