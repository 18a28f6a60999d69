import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../device/kit/root.js';
import type { ShippedNode } from './cached-package.js';
import type { NodeModules } from './node-modules.js';
import { LICENCE_FILE } from './shipped-files.js';

const RULER = '='.repeat(80);

/** Packages without a licence file that explain their licences in another file. */
const NOTICE_OF: readonly (readonly [name: RegExp, file: string])[] = [
  [/^@img\/sharp-libvips-/, 'README.md'],
];

/** Returns one document with the licences of everything in the package. Equal texts appear once. */
export const licencesText = async (modules: NodeModules, node: ShippedNode): Promise<string> => {
  const holders = new Map<string, string[]>();
  for (const { path, name, version, licence } of modules.packages) {
    const text = await licenceOf(join(modules.folder, path), name);
    const key = text ?? `${licence}\n(The package contains no text of its licence.)`;
    holders.set(key, [...(holders.get(key) ?? []), `${name} ${version} (${licence})`]);
  }
  const native = await readFile(join(packageRoot(), 'deploy/native/NOTICE'), 'utf8');
  const sections = [
    ['Files in /usr/lib/sortbin/deploy/native', native],
    [
      `/usr/lib/sortbin/node: Node.js ${node.file.version}`,
      await readFile(join(node.folder, 'LICENSE'), 'utf8'),
    ],
    ...[...holders].map(([text, names]) => [names.join('\n'), text] as const),
  ];
  const head =
    'Licences of the third-party software in the package sortbin.\nThe licence of sortbin is Apache-2.0.\n';
  return `${head}${sections.map(([title, text]) => `\n${RULER}\n${title}\n${RULER}\n\n${text?.trim()}\n`).join('')}`;
};

const licenceOf = async (folder: string, name: string): Promise<string | null> => {
  const notice = NOTICE_OF.find(([pattern]) => pattern.test(name))?.[1];
  const names = (await readdir(folder)).filter((file) => LICENCE_FILE.test(file)).sort();
  const texts = await Promise.all(
    [...names, ...(notice ? [notice] : [])].map((file) => readFile(join(folder, file), 'utf8')),
  );
  return texts.length === 0 ? null : texts.map((text) => text.replaceAll('\r\n', '\n').trim()).join('\n\n');
};
