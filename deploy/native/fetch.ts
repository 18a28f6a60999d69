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

/** Downloads a package into `folder`, checks the sha256 of its archive and unpacks it there. */
export const fetchPackage = async (source: Source, folder: string): Promise<void> => {
  const [registry = '', spec = ''] = source.package.split(/:(.*)/s);
  const [, name, version] = /^(.+)@(.+)$/.exec(spec) ?? [];
  const fetch = FETCH[registry];
  if (!fetch || !name || !version) {
    const forms = Object.keys(FETCH).map((known) => `${known}:<name>@<version>`);
    throw new Error(`source.package: "${source.package}" is invalid. Use ${forms.join(' or ')}.`);
  }
  const { archive, unpack } = await fetch({ name, version, source, folder });
  const found = sha256(await readFile(archive));
  if (found !== source.sha256) {
    throw new Error(
      `${source.package}: the sha256 of the archive is ${found}, but manifest.json has ${source.sha256}`,
    );
  }
  await unpack();
};

interface PackageSource {
  readonly name: string;
  readonly version: string;
  readonly source: Source;
  readonly folder: string;
}

interface Fetched {
  readonly archive: string;
  unpack(): Promise<unknown>;
}

const fetchNpm = async ({ name, version, folder }: PackageSource): Promise<Fetched> => {
  const options = { timeout: FETCH_DEADLINE_MS, cwd: folder };
  const spec = `${name}@${version}`;
  const packed = await run('npm', ['pack', spec, '--ignore-scripts', '--json'], options);
  const [entry] = JSON.parse(packed.stdout) as { filename: string }[];
  if (!entry) throw new Error(`npm pack ${spec}: no archive in its output: ${packed.stdout}`);
  const archive = join(folder, entry.filename);
  return { archive, unpack: () => run('tar', ['-xzf', archive, '-C', folder], options) };
};

const fetchPypi = async ({ name, version, source, folder }: PackageSource): Promise<Fetched> => {
  const options = { timeout: FETCH_DEADLINE_MS, cwd: folder };
  const wheel = source.file ?? '';
  // <name>-<version>-<Python>-<ABI>-<platform>.whl. With these parts, pip chooses this wheel on any machine.
  const [, implementation, python, abi, platform] = /-(cp|py)(\d+)-(\w+)-([\w.]+)\.whl$/.exec(wheel) ?? [];
  if (!implementation || !python || !abi || !platform) {
    throw new Error(
      `source.file of ${source.package}: it is ${wheel || 'missing'}. Use <name>-<version>-<Python>-<ABI>-<platform>.whl.`,
    );
  }
  await run('python3', ['-m', 'pip', '--version'], options).catch((cause: unknown) => {
    const fix = 'Install Python 3 with pip (Debian: apt install python3-pip), then run this command again.';
    throw new Error(`${source.package}: "python3 -m pip" does not run. ${fix}`, { cause });
  });
  // The name of a wheel for any Python does not contain the versions it supports, so pip uses the installed Python.
  const pythonOptions =
    implementation === 'cp' ? ['--python-version', python, '--implementation', 'cp', '--abi', abi] : [];
  const platformOptions = platform.split('.').flatMap((tag) => ['--platform', tag]);
  await run(
    'python3',
    ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:']
      .concat(pythonOptions, platformOptions)
      .concat('--dest', folder, `${name}==${version}`),
    options,
  );
  const archive = join(folder, wheel);
  return { archive, unpack: () => run('python3', ['-m', 'zipfile', '-e', archive, folder], options) };
};

const FETCH: Readonly<Record<string, (source: PackageSource) => Promise<Fetched>>> = {
  npm: fetchNpm,
  pypi: fetchPypi,
};
