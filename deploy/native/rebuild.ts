/**
 * Makes the libraries of this folder again from the packages that manifest.json names.
 * `--check` only compares: exit code 1 when a file differs.
 */
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../device/kit/errors.js';
import { packageRoot } from '../../device/kit/root.js';
import { type NativeFile, readNativeManifest } from '../../device/perception/inference/native.js';
import { compile } from './compile.js';
import { fetchPackage, sha256 } from './fetch.js';

const say = (line: string) => process.stdout.write(`${line}\n`);

/** The file as its package has it, or makes it of our source, checked against the manifest. */
const fromPackage = async (file: NativeFile, unpacked: string): Promise<Buffer> => {
  const { path, target } = file.source;
  const bytes = target ? await compile(join(unpacked, path), target) : await readFile(join(unpacked, path));
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
    let at = unpacked.get(key);
    if (at === undefined) {
      at = await mkdtemp(join(temporary, 'p-'));
      await fetchPackage(file.source, at);
      unpacked.set(key, at);
    }
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
