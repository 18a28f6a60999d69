import { on } from 'node:events';
import type { ReadStream } from 'node:tty';
import type { Key } from './calibrate.js';

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
