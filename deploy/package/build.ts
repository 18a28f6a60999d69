/**
 * npm run package: builds the Debian packages into dist-package/.
 *   --arch amd64|arm64   only one of them
 *   --check              build each package twice and compare the bytes
 *   --built              use the packages in dist-package/ as they are
 *   --repo DIR           add the packages to an apt repository. With --key KEY, gpg signs it.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { messageOf } from '../../device/kit/errors.js';
import { packageRoot, packageVersion } from '../../device/kit/root.js';
import { sha256 } from '../native/fetch.js';
import { assemble } from './assemble.js';
import { checksumsText } from './control.js';
import { PLATFORMS, type Platform } from './platforms.js';
import { updateRepository } from './repository.js';
import { put } from './tree.js';

const run = promisify(execFile);
const print = (line: string) => process.stdout.write(`${line}\n`);
const OUTPUT = join(packageRoot(), 'dist-package');

/** Returns the time of the last commit, so that the same sources give the same package. Seconds since 1970. */
const sourceEpochS = async (): Promise<number> => {
  const { SOURCE_DATE_EPOCH: given } = process.env;
  if (given) return Number(given);
  return Number((await run('git', ['log', '-1', '--format=%ct'], { cwd: packageRoot() })).stdout);
};

const packagePath = (folder: string, { architecture }: Platform): string =>
  join(folder, `sortbin_${packageVersion()}_${architecture}.deb`);

/** Builds the package of a platform. */
const build = async (platform: Platform, file: string, epochS: number): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-package-'));
  try {
    const root = await assemble({ platform, folder, epochS });
    await put(root, 'DEBIAN/md5sums', await checksumsText(root));
    await mkdir(dirname(file), { recursive: true });
    const env = { ...process.env, SOURCE_DATE_EPOCH: `${epochS}` };
    await run('dpkg-deb', ['--root-owner-group', '-Zxz', '-b', root, file], { env, maxBuffer: 1 << 26 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Builds a package again, and throws if its bytes differ. */
const checkReproducible = async (platform: Platform, file: string, epochS: number): Promise<void> => {
  const again = await mkdtemp(join(tmpdir(), 'sortbin-again-'));
  try {
    const second = packagePath(again, platform);
    await build(platform, second, epochS);
    if (!(await readFile(file)).equals(await readFile(second)))
      throw new Error(`${file}: the second build differs. Compare both with diffoscope.`);
    print(`same     ${file} (built twice)`);
  } finally {
    await rm(again, { recursive: true, force: true });
  }
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string' },
      check: { type: 'boolean', default: false },
      built: { type: 'boolean', default: false },
      repo: { type: 'string' },
      key: { type: 'string' },
    },
  });
  const platforms = PLATFORMS.filter(({ architecture }) => (values.arch ?? architecture) === architecture);
  if (platforms.length === 0) throw new Error(`--arch: "${values.arch}" is unknown. Use amd64 or arm64.`);
  if (values.key !== undefined && values.repo === undefined) throw new Error('--key: needs --repo DIR');
  const epochS = await sourceEpochS();
  const files: string[] = [];
  for (const platform of platforms) {
    const file = packagePath(OUTPUT, platform);
    if (!values.built) await build(platform, file, epochS);
    const bytes = await readFile(file);
    print(`package  ${file} (${(bytes.length / 1e6).toFixed(1)} MB, sha256 ${sha256(bytes)})`);
    if (values.check) await checkReproducible(platform, file, epochS);
    files.push(file);
  }
  if (values.repo !== undefined) {
    const folder = resolve(values.repo);
    await updateRepository(folder, files, { epochS, key: values.key });
    print(`written  ${folder} (apt repository${values.key === undefined ? ', not signed' : ''})`);
  }
};

try {
  await main();
} catch (thrown) {
  process.stderr.write(`package: ${messageOf(thrown)}\n`);
  process.exitCode = 1;
}
