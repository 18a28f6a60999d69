import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../../../../../device/kit/root.js';

const run = promisify(execFile);
const FOLDER = 'hardware/camera/v4l2/io';

/** Returns why the program cannot be built on this machine, or false if it can. */
export const noCompiler = async (): Promise<string | false> =>
  run('gcc', ['--version']).then(
    () => false,
    () => 'gcc is not installed: sortbin-camera cannot be built with its fake device',
  );

/**
 * Builds sortbin-camera with the fake device of device.c. Returns the path of the program, which is removed when the
 * process exits. The variable `SORTBIN_CAMERA_FAKE` selects another build.
 */
export const buildWithFakeDevice = async (): Promise<string> => {
  if (process.env.SORTBIN_CAMERA_FAKE) return process.env.SORTBIN_CAMERA_FAKE;
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-camera-fake-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const source = join(packageRoot(), 'device', FOLDER);
  const files = (await readdir(source)).filter((name) => name.endsWith('.c'));
  const program = join(folder, 'sortbin-camera');
  await run('gcc', [
    ...[
      '-std=c11',
      '-O1',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-Wl,--wrap=open,--wrap=ioctl,--wrap=mmap,--wrap=poll',
    ],
    ...files.map((name) => join(source, name)),
    ...[join(packageRoot(), 'test', FOLDER, 'fake', 'device.c'), '-o', program],
  ]);
  return program;
};
