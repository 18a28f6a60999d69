import { on } from 'node:events';
import type { ReadStream } from 'node:tty';
import type { Key, Screen } from './calibrate.js';

const NAMES: Readonly<Record<string, Key>> = {
  '\u001b[A': 'up',
  '\u001b[B': 'down',
  '\u001b[C': 'right',
  '\u001b[D': 'left',
  '\u001bOA': 'up',
  '\u001bOB': 'down',
  '\u001bOC': 'right',
  '\u001bOD': 'left',
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u0003': 'ctrl-c',
};

/** An escape sequence, or one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal sends
const KEYS = /\u001b(?:\[[0-?]*[ -/]*[@-~]|O.)|./gsu;

/**
 * The keys in what a terminal sent at once. An Escape that stands alone is the key, without a wait for more: it turns
 * off. The same key several times over is one: what piled up on the way must not look as if it were held now.
 */
export const keysIn = (sent: string): Key[] =>
  [...sent.matchAll(KEYS)]
    .map(([key]) => NAMES[key] ?? (key.startsWith('\u001b') ? (key.length === 1 ? 'escape' : 'other') : key))
    .filter((key, index, keys) => key !== keys[index - 1]);

/** What leaves a program: everything off, and the end. */
export const ends = (key: Key): boolean => key === 'q' || key === 'escape' || key === 'ctrl-c';

/** The keys of a terminal as they come, until `stop` or until it is gone. */
export async function* keysOf(
  stdin: Pick<ReadStream, 'setRawMode' | 'setEncoding' | 'pause' | 'on' | 'once' | 'removeListener'>,
  stop: AbortSignal,
): AsyncGenerator<Key> {
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    for await (const [sent] of on(stdin as ReadStream, 'data', { signal: stop, close: ['end', 'close'] }))
      yield* keysIn(String(sent));
  } catch (thrown) {
    if (!stop.aborted) throw thrown;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
  }
}

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
