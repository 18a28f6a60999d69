import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../device/kit/root.js';

const run = promisify(execFile);
const DEADLINE_MS = 600_000;

/** Static, to run on any Linux, and small. The result is the same on every build machine. */
const FLAGS = ['-std=c11', '-Os', '-static', '-s', '-Wall', '-Wextra', '-Werror'];

/** Compiles sortbin-io for a target of `zig`, the compiler of the package ziglang. */
export const compile = async (zig: string, target: string): Promise<Buffer> => {
  const source = join(packageRoot(), 'device', 'hardware', 'lines', 'io');
  const files = (await readdir(source)).filter((name) => name.endsWith('.c')).sort();
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-io-'));
  try {
    await chmod(zig, 0o755);
    const output = join(folder, 'sortbin-io');
    // Own caches, so that files of another version of zig are not used.
    const env = { ...process.env, ZIG_GLOBAL_CACHE_DIR: folder, ZIG_LOCAL_CACHE_DIR: folder };
    await run(zig, ['cc', '-target', target, ...FLAGS, ...files, '-o', output], {
      cwd: source,
      env,
      timeout: DEADLINE_MS,
    });
    return await readFile(output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
