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

/** The source folder of each of our programs. */
const SOURCES: Readonly<Record<string, string>> = {
  'sortbin-io': 'device/hardware/lines/io',
  'sortbin-camera': 'device/hardware/camera/v4l2/io',
  'sortbin-notify': 'device/network/systemd/io',
};

/** Compiles a program for a target of `zig`, the compiler of the package ziglang. */
export const compile = async (zig: string, program: string, target: string): Promise<Buffer> => {
  const relative = SOURCES[program];
  if (!relative) {
    throw new Error(`manifest.json: no source for "${program}". Use ${Object.keys(SOURCES).join(' or ')}.`);
  }
  const source = join(packageRoot(), relative);
  const files = (await readdir(source)).filter((name) => name.endsWith('.c')).sort();
  const folder = await mkdtemp(join(tmpdir(), `${program}-`));
  try {
    await chmod(zig, 0o755);
    const output = join(folder, program);
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
