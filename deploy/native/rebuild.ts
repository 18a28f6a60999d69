/**
 * Rebuilds the files of this folder from the packages in manifest.json.
 * With `--check` it writes nothing, and exits with code 1 if a file differs.
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

const print = (line: string) => process.stdout.write(`${line}\n`);

/** Reads a file from its package, or compiles it with the package, and checks it against the manifest. */
const fromPackage = async (file: NativeFile, unpacked: string): Promise<Buffer> => {
  const { path, target } = file.source;
  const packed = join(unpacked, path);
  const bytes = target ? await compile(packed, file.name, target) : await readFile(packed);
  const found = sha256(bytes);
  if (found !== file.sha256 || bytes.length !== file.bytes) {
    throw new Error(
      `${file.path}: ${file.source.path} of ${file.source.package} has ${bytes.length} bytes and sha256 ${found}, ` +
        `but manifest.json has ${file.bytes} bytes and ${file.sha256}`,
    );
  }
  return bytes;
};

/** Replaces a file by a rename. A write into a loaded library would crash the process that uses it. */
const replace = async (path: string, bytes: Uint8Array): Promise<void> => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, bytes);
  await chmod(`${path}.new`, 0o755);
  await rename(`${path}.new`, path);
};

const rebuild = async (folder: string, checkOnly: boolean, temporary: string): Promise<boolean> => {
  const { files } = await readNativeManifest(folder);
  const unpacked = new Map<string, string>();
  let isSame = true;
  for (const file of files) {
    const key = `${file.source.package} ${file.source.sha256}`;
    let packageFolder = unpacked.get(key);
    if (packageFolder === undefined) {
      packageFolder = await mkdtemp(join(temporary, 'p-'));
      await fetchPackage(file.source, packageFolder);
      unpacked.set(key, packageFolder);
    }
    const expected = await fromPackage(file, packageFolder);
    const path = join(folder, file.path);
    const present = await readFile(path).catch(() => null);
    if (present?.equals(expected)) {
      print(`same     ${file.path} (${file.name} ${file.version}, from ${file.source.package})`);
    } else if (checkOnly) {
      isSame = false;
      print(
        `differs  ${file.path}: ${present ? 'not the file of' : 'missing, available in'} ${file.source.package}`,
      );
    } else {
      await replace(path, expected);
      print(`written  ${file.path} (${file.name} ${file.version}, from ${file.source.package})`);
    }
  }
  return isSame;
};

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const temporary = await mkdtemp(join(tmpdir(), 'sortbin-native-'));
try {
  const isSame = await rebuild(join(packageRoot(), 'deploy', 'native'), values.check, temporary);
  if (!isSame) print('Run `npm run native` to write the files that differ.');
  process.exitCode = isSame ? 0 : 1;
} catch (thrown) {
  process.stderr.write(`native: ${messageOf(thrown)}\n`);
  process.exitCode = 1;
} finally {
  await rm(temporary, { recursive: true, force: true });
}
