import type { Screen } from './calibrate.js';

interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Some of what is shown comes from a program: no control character of it reaches the terminal. */
const plain = (text: string): string => text.replace(/\p{Cc}/gu, '\ufffd');

/** A terminal whose last lines change. */
export const terminalScreen = (terminal: Terminal): Screen => {
  let shown: readonly string[] = [];
  const clear = () => (shown.length > 0 ? `\r\u001b[${shown.length}A\u001b[J` : '');
  /** A line that wraps would be two to climb over. */
  const cut = (line: string) => plain(line).slice(0, Math.max(1, (terminal.columns || 80) - 1));
  const text = (lines: readonly string[]) => lines.map((line) => `${cut(line)}\n`).join('');
  return {
    say: (line) => {
      terminal.write(`${clear()}${plain(line)}\n${text(shown)}`);
    },
    show: (lines) => {
      // No line can be climbed to that has left the screen.
      const seen = lines.slice(0, Math.max(1, (terminal.rows || 24) - 1));
      terminal.write(`${clear()}${text(seen)}`);
      shown = seen;
    },
  };
};

/** No terminal: what is said is a line, and nothing is shown live. */
export const plainScreen = (output: Terminal): Screen => ({
  say: (line) => {
    output.write(`${plain(line)}\n`);
  },
  show: () => {},
});
