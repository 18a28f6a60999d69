import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../device/kit/errors.js';
import { packageRoot } from '../../../device/kit/root.js';
import { editJson, updateDigests } from '../../support/bundle-copy.js';

const MODEL = 'deploy/model';

const git = (...args: readonly string[]): Buffer =>
  execFileSync('git', args, { cwd: packageRoot(), maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'pipe'] });

/**
 * Extracts the newest factory bundle of a version from the git history into `folder`. Returns its folder.
 * @throws Error if the history does not have it
 */
export const bundleOfHistory = async (version: string, folder: string): Promise<string> => {
  const manifest = `${MODEL}/manifest.json`;
  const missing = (reason: string) =>
    new Error(`factory bundle ${version}: not in the git history (${reason}). Name its folder with --old.`);
  let commits: string[];
  try {
    commits = git('log', '--format=%H', '--', manifest).toString().split('\n').filter(Boolean);
  } catch (thrown) {
    throw missing(messageOf(thrown).trim());
  }
  const commit = commits.find(
    (one) => JSON.parse(`${git('show', `${one}:${manifest}`)}`).version === version,
  );
  if (commit === undefined) {
    const isShallow = `${git('rev-parse', '--is-shallow-repository')}`.trim() === 'true';
    throw missing(
      isShallow ? 'this clone is shallow: run `git fetch --unshallow`' : `${commits.length} commits`,
    );
  }
  await mkdir(folder);
  execFileSync('tar', ['-x', '-C', folder], { input: git('archive', commit, MODEL) });
  return join(folder, MODEL);
};

/** What differs from the bundle before. */
export const CHANGES = {
  /** What a training changes, with the same labels and golden images. */
  'all weights': ['model_int8.tflite', 'tfjs/group1-shard1of2.bin', 'tfjs/group1-shard2of2.bin'],
  'TFLite weights': ['model_int8.tflite'],
  'manifest alone': [],
} as const satisfies Record<string, readonly string[]>;

export type Change = keyof typeof CHANGES;

/**
 * Copies a bundle as another version. In each changed file, one weight differs by its smallest step. The golden answers
 * stay right. A training would change their files too, so they are written again with other spaces.
 */
export const changedBundle = async (
  from: string,
  into: string,
  version: string,
  change: Change,
): Promise<string> => {
  await cp(from, into, { recursive: true });
  const files: readonly string[] = CHANGES[change];
  const seed = createHash('sha256').update(version).digest().readUInt16LE();
  for (const file of files) {
    const bytes = await readFile(join(into, file));
    // An even place is the lower byte of a float16.
    const place = 2 * (Math.floor(bytes.length / 4) + seed);
    bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
    await writeFile(join(into, file), bytes);
  }
  const path = join(into, 'manifest.json');
  const { runtimes } = JSON.parse(await readFile(path, 'utf8'));
  for (const [name, { golden }] of Object.entries<{ golden: { file: string } }>(runtimes)) {
    const isChanged = files.some((file) => (name === 'tfjs') === file.startsWith('tfjs/'));
    if (!isChanged) continue;
    const answers = await readFile(join(into, golden.file), 'utf8');
    await writeFile(join(into, golden.file), `${answers.trimEnd()}\n${' '.repeat(1 + (seed % 100))}\n`);
  }
  await editJson<{ version: string; runtimes: { tflite: { golden: { exact: boolean } } } }>(
    path,
    (manifest) => {
      manifest.version = version;
      if (files.length > 0) manifest.runtimes.tflite.golden.exact = false;
    },
  );
  await updateDigests(into);
  return into;
};
