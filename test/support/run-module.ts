import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Runs the source text of a module in a new Node process and returns its output. `TEST_NODE`: the command that
 * starts Node, if the path of Node alone cannot, for example under an emulator.
 */
export const runModule = (source: string, ...args: readonly string[]) => {
  const [program = process.execPath, ...options] = process.env.TEST_NODE?.split(' ') ?? [];
  return promisify(execFile)(program, [...options, '--input-type=module', '--eval', source, ...args]);
};
