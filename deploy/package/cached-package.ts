import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../device/kit/root.js';
import {
  type NativeFile,
  nativeFolder,
  readNativeManifest,
} from '../../device/perception/inference/native.js';
import { fetchPackage, sha256 } from '../native/fetch.js';
import { cacheFolder, type Platform } from './platforms.js';

/** Returns the folder of an unpacked package. Downloads it only once. */
export const cachedPackage = async (source: NativeFile['source']): Promise<string> => {
  const folder = join(cacheFolder(), source.sha256);
  if (existsSync(folder)) return folder;
  await mkdir(cacheFolder(), { recursive: true });
  const unpacked = await mkdtemp(join(cacheFolder(), 'new-'));
  try {
    await fetchPackage(source, unpacked);
    for (const name of await readdir(unpacked)) if (/\.(tgz|whl)$/.test(name)) await rm(join(unpacked, name));
    await rename(unpacked, folder);
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
  return folder;
};

/** The Node that the package of a platform contains. */
export interface ShippedNode {
  readonly file: NativeFile;
  /** The folder with bin/, include/ and LICENSE. */
  readonly folder: string;
}

/** Downloads the Node of a platform, and compares it with manifest.json. */
export const shippedNode = async (platform: Platform): Promise<ShippedNode> => {
  const { files } = await readNativeManifest(join(packageRoot(), 'deploy', 'package'));
  const file = files.find((one) => one.platform === platform.name && one.name === 'node');
  if (!file) throw new Error(`deploy/package/manifest.json: no "node" for ${platform.name}`);
  const folder = await cachedPackage(file.source);
  const found = sha256(await readFile(join(folder, file.source.path)));
  if (found !== file.sha256)
    throw new Error(`${file.source.package}: the sha256 of node is ${found}, not ${file.sha256}`);
  return { file, folder: join(folder, 'package') };
};

/** Returns the path of zig, the compiler that deploy/native/manifest.json pins. */
export const zigProgram = async (): Promise<string> => {
  const { files } = await readNativeManifest(nativeFolder());
  const compiled = files.find(({ source }) => source.target !== undefined);
  if (!compiled) throw new Error('deploy/native/manifest.json: no file has a compiler');
  return join(await cachedPackage(compiled.source), compiled.source.path);
};
