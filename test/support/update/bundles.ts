import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type BundleId, textOf } from '../../../device/update/bundle-id.js';
import type { PublishedBundle, TargetFile } from '../../../device/update/repository/repository.js';
import { BundleStore, type StoreOptions } from '../../../device/update/store/store.js';
import { temporaryFolder } from '../journal/journal-folder.js';
import { unwrap } from '../unwrap.js';

export const FACTORY = { name: 'waste12', version: '1.0.0', manifestSha256: null };

export const waste12 = (version: string): BundleId => ({ name: 'waste12', version });

/** A published bundle with the contents of its files. */
export interface TestBundle extends PublishedBundle {
  readonly contents: ReadonlyMap<string, Buffer>;
}

const SHARED = 'golden samples, the same in all versions';

/** Makes a bundle of four files. Only the golden samples are the same in all versions. */
export const aBundle = (version: string, extra: Readonly<Record<string, string>> = {}): TestBundle => {
  const texts = {
    'manifest.json': `{ "version": "${version}" }`,
    'labels.txt': `paper\nmetal of ${version}\n`,
    'model.tflite': `weights of ${version}`.repeat(100),
    'golden/inputs.bin': SHARED,
    ...extra,
  };
  const contents = new Map(Object.entries(texts).map(([file, text]) => [file, Buffer.from(text)]));
  const files = [...contents].map(
    ([file, content]): TargetFile => ({
      path: `waste12/${version}/${file}`,
      file,
      bytes: content.length,
      sha256: sha256Of(content),
    }),
  );
  const manifestSha256 = sha256Of(contents.get('manifest.json') ?? Buffer.of());
  return { ...waste12(version), manifestSha256, files, contents };
};

const sha256Of = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** Opens a store in a new folder, whose free space is unlimited. */
export const openStore = async (
  t: TestContext,
  options: Partial<StoreOptions> = {},
): Promise<{ store: BundleStore; folder: string }> => {
  const folder = options.folder ?? join(temporaryFolder(t), 'models');
  return { store: await openStoreIn(folder, options), folder };
};

export const openStoreIn = async (
  folder: string,
  options: Partial<StoreOptions> = {},
): Promise<BundleStore> => {
  const factory = { ...FACTORY, folder: '/factory' };
  return unwrap(await BundleStore.open({ folder, factory, freeBytes: async () => 2 ** 40, ...options }));
};

/** Downloads what is missing, and builds the slot. */
export const addBundle = async (store: BundleStore, bundle: TestBundle): Promise<void> => {
  for (const target of unwrap(await store.missing(bundle.files))) {
    writeFileSync(store.partPath(target.sha256), bundle.contents.get(target.file) ?? '');
    unwrap(await store.addPart(target));
  }
  unwrap(await store.build(bundle, bundle.files));
};

/** Returns the ids of the slots as texts, sorted. */
export const slotsOf = async (store: BundleStore): Promise<string[]> =>
  unwrap(await store.slots())
    .map(textOf)
    .sort();
