import { on } from 'node:events';
import type { ReadStream } from 'node:tty';
import { plain } from '../../kit/plain-text.js';
import type { Key, Screen } from './calibrate.js';

const KEY_NAMES: Readonly<Record<string, Key>> = {
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
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals send control characters
const KEY_SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|O.)|./gsu;

/**
 * Returns the keys in a chunk of terminal input. A lone escape character is the Escape key at once, without a wait for the
 * rest of a sequence, because Escape turns everything off. Repeats of a key in one chunk count as one: a backlog of
 * repeats must not look like a key that is held now.
 */
export const parseKeys = (chunk: string): Key[] =>
  [...chunk.matchAll(KEY_SEQUENCE)]
    .map(
      ([key]) => KEY_NAMES[key] ?? (key.startsWith('\u001b') ? (key.length === 1 ? 'escape' : 'other') : key),
    )
    .filter((key, index, keys) => key !== keys[index - 1]);

/** Whether the key ends the program. */
export const isQuitKey = (key: Key): boolean => key === 'q' || key === 'escape' || key === 'ctrl-c';

/** Yields the keys of a terminal until `stop` is aborted or the terminal is closed. */
export async function* readKeys(
  stdin: Pick<ReadStream, 'setRawMode' | 'setEncoding' | 'pause' | 'on' | 'once' | 'removeListener'>,
  stop: AbortSignal,
): AsyncGenerator<Key> {
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    for await (const [chunk] of on(stdin as ReadStream, 'data', { signal: stop, close: ['end', 'close'] }))
      yield* parseKeys(String(chunk));
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

/** Returns a screen that rewrites the last lines of the terminal. */
export const terminalScreen = (terminal: Terminal): Screen => {
  let shown: readonly string[] = [];
  const eraseShown = () => (shown.length > 0 ? `\r\u001b[${shown.length}A\u001b[J` : '');
  /** Cuts a line to the width of the terminal: a wrapped line would make the cursor movement wrong. */
  const cut = (line: string) => plain(line).slice(0, Math.max(1, (terminal.columns || 80) - 1));
  const textOf = (lines: readonly string[]) => lines.map((line) => `${cut(line)}\n`).join('');
  return {
    print: (line) => {
      terminal.write(`${eraseShown()}${plain(line)}\n${textOf(shown)}`);
    },
    show: (lines) => {
      // The cursor cannot move to a line that has scrolled off the screen.
      const visible = lines.slice(0, Math.max(1, (terminal.rows || 24) - 1));
      terminal.write(`${eraseShown()}${textOf(visible)}`);
      shown = visible;
    },
  };
};

/** Returns a screen for an output that is not a terminal. It prints lines, but shows no live lines. */
export const plainScreen = (output: Terminal): Screen => ({
  print: (line) => {
    output.write(`${plain(line)}\n`);
  },
  show: () => {},
});
