import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * What a Node process says that runs a module. `TEST_NODE`: the words that start Node where its own path does not, as
 * under an emulator.
 */
export const inProcess = (source: string, ...args: readonly string[]) => {
  const [program = process.execPath, ...words] = process.env.TEST_NODE?.split(' ') ?? [];
  return promisify(execFile)(program, [...words, '--input-type=module', '--eval', source, ...args]);
};
