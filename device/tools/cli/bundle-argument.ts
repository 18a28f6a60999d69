import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { type BundleId, isBundleName, isBundleVersion } from '../../update/bundle-id.js';

/** What an argument names: a bundle of the running bin, or a folder. */
export interface BundleArgument {
  readonly bundle?: BundleId;
  readonly folder?: string;
}

const EXAMPLE = 'waste12@1.4.0';

/** Reads an argument such as `waste12@1.4.0`. @throws InvalidArgumentError */
export const parseBundle = (text: string): BundleId => {
  const bundle = bundleOf(text);
  if (bundle) return bundle;
  throw new InvalidArgumentError(`Use a name and a version, such as ${EXAMPLE}.`);
};

/** Reads an argument that may also be a folder: a path that exists is a path. @throws InvalidArgumentError */
export const parseBundleOrFolder = (text: string): BundleArgument => {
  if (existsSync(text)) return { folder: resolve(text) };
  const bundle = bundleOf(text);
  if (bundle) return { bundle };
  throw new InvalidArgumentError(`Use a bundle such as ${EXAMPLE}, or a folder that exists.`);
};

const bundleOf = (text: string): BundleId | null => {
  const [name = '', version = '', ...rest] = text.split('@');
  return rest.length === 0 && isBundleName(name) && isBundleVersion(version) ? { name, version } : null;
};
