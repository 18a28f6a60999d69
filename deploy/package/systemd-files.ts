import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { putFile } from './tree.js';

/** Where the files of systemd/ are installed. The first pattern that matches decides. */
const PLACES: readonly { readonly name: RegExp; readonly path: (name: string) => string | null }[] = [
  { name: /\.md$/, path: () => null },
  { name: /\.(service|socket|timer|target)$/, path: (name) => `usr/lib/systemd/system/${name}` },
  { name: /\.rules$/, path: (name) => `usr/lib/udev/rules.d/${name}` },
  { name: /sysusers/, path: () => 'usr/lib/sysusers.d/sortbin.conf' },
  { name: /tmpfiles/, path: () => 'usr/lib/tmpfiles.d/sortbin.conf' },
  // A drop-in changes the whole machine, so the owner installs it.
  { name: /\.conf$/, path: (name) => `usr/share/doc/sortbin/examples/${name}` },
  { name: /^[a-z-]+(\.sh)?$/, path: (name) => `usr/lib/sortbin/bin/${name}` },
];

/** Installs the files of systemd/. @throws Error if a file has no known place, or one of `required` is missing. */
export const putSystemdFiles = async (
  root: string,
  folder: string,
  required: readonly string[],
): Promise<void> => {
  const names = (await readdir(folder)).sort();
  for (const name of required)
    if (!names.includes(name)) throw new Error(`${join(folder, name)}: missing. The package needs it.`);
  for (const name of names) {
    const place = PLACES.find((one) => one.name.test(name));
    if (!place)
      throw new Error(`${join(folder, name)}: no place in the package. Add it to systemd-files.ts.`);
    const path = place.path(name);
    if (path !== null) await putFile(root, path, join(folder, name));
  }
};
