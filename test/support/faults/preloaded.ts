import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../../device/kit/root.js';

/** Compiles a C file of this folder to a library that a program preloads. Returns its path. */
export const compilePreloaded = async (source: string, folder: string): Promise<string> => {
  const library = join(folder, `${basename(source, '.c')}.so`);
  const path = join(packageRoot(), 'test', 'support', 'faults', source);
  const flags = ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror'];
  await promisify(execFile)('gcc', [...flags, path, '-o', library, '-ldl', '-lpthread']);
  return library;
};
