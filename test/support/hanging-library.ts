import { execFile } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from './bundle-copy.js';
import { childrenOf } from './processes.js';
import { until } from './until.js';

/**
 * A library that never finishes loading, because it is a pipe without data. `hung` returns the process that loads it: a child of
 * `parent`, by default of this process.
 */
export const hangingLibrary = async (t: TestContext) => {
  const library = join(await temporaryFolder(t), 'lib.so');
  await promisify(execFile)('mkfifo', [library]);
  const pipe = await open(library, 'r+');
  t.after(() => pipe.close());
  const reads = (pid: number): boolean => {
    try {
      const folder = `/proc/${pid}/fd`;
      return readdirSync(folder).some((file) => readlinkSync(join(folder, file)) === library);
    } catch {
      return false;
    }
  };
  const hung = async (parent?: number): Promise<number> => {
    await until('a process hangs in the library', () => childrenOf(parent).some(reads), 30_000);
    return childrenOf(parent).find(reads) ?? Number.NaN;
  };
  return { library, hung };
};
