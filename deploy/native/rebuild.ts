/**
 * Makes the libraries of this folder again from the packages that manifest.json names.
 * `--check` only compares: exit code 1 when a file differs.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type NativeFile, readNativeManifest } from '../../device/inference/native.js';
import { messageOf } from '../../device/kit/errors.js';
import { packageRoot } from '../../device/kit/root.js';

const run = promisify(execFile);
const FETCH_DEADLINE_MS = 300_000;
const say = (line: string) => process.stdout.write(`${line}\n`);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Fetches an `npm:name@version` package into `folder` and unpacks it; returns the folder it is unpacked in. */
const fetchPackage = async (source: NativeFile['source'], folder: string): Promise<string> => {
  const [registry, spec] = source.package.split(/:(.*)/s);
  if (registry !== 'npm' || !spec) {
    throw new Error(`source package ${source.package}: this script knows npm:<name>@<version> alone`);
  }
  const options = { timeout: FETCH_DEADLINE_MS, cwd: folder };
  const packed = await run('npm', ['pack', spec, '--ignore-scripts', '--json'], options);
  const [entry] = JSON.parse(packed.stdout) as { filename: string }[];
  if (!entry) throw new Error(`npm pack ${spec} made no archive: ${packed.stdout}`);
  const archive = join(folder, entry.filename);
  const found = sha256(await readFile(archive));
  if (found !== source.sha256) {
    throw new Error(
      `${source.package}: the archive's sha256 is ${found}, the manifest says ${source.sha256}`,
    );
  }
  await run('tar', ['-xzf', archive, '-C', folder], options);
  return folder;
};

/** The file as its package has it, checked against the manifest. */
const fromPackage = async (file: NativeFile, unpacked: string): Promise<Buffer> => {
  const bytes = await readFile(join(unpacked, file.source.path));
  const found = sha256(bytes);
  if (found !== file.sha256 || bytes.length !== file.bytes) {
    throw new Error(
      `${file.source.path} of ${file.source.package} has ${bytes.length} bytes, sha256 ${found}; ` +
        `the manifest says ${file.bytes} bytes, ${file.sha256}`,
    );
  }
  return bytes;
};

/** A new file in the old one's place: writing into a library that runs would crash who runs it. */
const replace = async (path: string, bytes: Uint8Array): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, bytes);
  await chmod(`${path}.new`, 0o755);
  await rename(`${path}.new`, path);
};

const rebuild = async (folder: string, checkOnly: boolean, temporary: string): Promise<boolean> => {
  const { files } = await readNativeManifest(folder);
  const unpacked = new Map<string, string>();
  let same = true;
  for (const file of files) {
    const key = `${file.source.package} ${file.source.sha256}`;
    const at = unpacked.get(key) ?? (await fetchPackage(file.source, await mkdtemp(join(temporary, 'p-'))));
    unpacked.set(key, at);
    const expected = await fromPackage(file, at);
    const path = join(folder, file.path);
    const present = await readFile(path).catch(() => null);
    if (present?.equals(expected)) {
      say(`same     ${file.path} (${file.name} ${file.version}, from ${file.source.package})`);
    } else if (checkOnly) {
      same = false;
      say(
        `differs  ${file.path}: ${present ? 'is not the file' : 'is missing; it is'} in ${file.source.package}`,
      );
    } else {
      await replace(path, expected);
      say(`written  ${file.path} (${file.name} ${file.version}, from ${file.source.package})`);
    }
  }
  return same;
};

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const temporary = await mkdtemp(join(tmpdir(), 'sortbin-native-'));
try {
  const same = await rebuild(join(packageRoot(), 'deploy', 'native'), values.check, temporary);
  if (!same) say('Run `npm run native` to write the files that differ.');
  process.exitCode = same ? 0 : 1;
} catch (thrown) {
  process.stderr.write(`native: ${messageOf(thrown)}\n`);
  process.exitCode = 1;
} finally {
  await rm(temporary, { recursive: true, force: true });
}
