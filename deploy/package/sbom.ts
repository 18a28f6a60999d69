import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot, packageVersion } from '../../device/kit/root.js';
import { nativeFolder, readNativeManifest } from '../../device/perception/inference/native.js';
import { sha256 } from '../native/fetch.js';
import type { ShippedNode } from './cached-package.js';
import type { LockedPackage } from './lock-file.js';
import type { Platform } from './platforms.js';

interface Component {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly [key: string]: unknown;
}

/** What the list of components is made of. */
export interface Contents {
  readonly platform: Platform;
  readonly packages: readonly LockedPackage[];
  readonly node: ShippedNode;
  /** Seconds since 1970. */
  readonly epochS: number;
}

/** Returns the list of components (CycloneDX 1.6, JSON): npm packages, Node, native files and the model. */
export const sbomText = async ({ platform, packages, node, epochS }: Contents): Promise<string> => {
  const native = (await readNativeManifest(nativeFolder())).files.filter(
    (file) => file.platform === platform.name,
  );
  const bundle = await readFile(join(packageRoot(), 'deploy/model/manifest.json'));
  const { name, version, licence } = JSON.parse(bundle.toString());
  const components: Component[] = [
    ...packages.map(npmComponent),
    ...[node.file, ...native].map((file) => ({
      type: file.name === 'node' ? 'platform' : 'library',
      'bom-ref': `${file.name}@${file.version}`,
      name: file.name,
      version: file.version,
      hashes: [{ alg: 'SHA-256', content: file.sha256 }],
      licenses: [{ expression: file.licence }],
      externalReferences: [{ type: 'distribution', url: originOf(file.source.package) }],
    })),
    {
      type: 'machine-learning-model',
      'bom-ref': `model:${name}@${version}`,
      name: `${name}`,
      version: `${version}`,
      ...(typeof licence === 'string' && { licenses: [{ license: { name: licence } }] }),
      hashes: [{ alg: 'SHA-256', content: sha256(bundle) }],
      description: 'The hash is of manifest.json, which contains the hash of each file of the bundle.',
    },
  ];
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(epochS * 1000).toISOString(),
      component: {
        type: 'application',
        'bom-ref': `sortbin@${packageVersion()}`,
        name: 'sortbin',
        version: packageVersion(),
        licenses: [{ license: { id: 'Apache-2.0' } }],
        purl: `pkg:deb/sortbin@${packageVersion()}?arch=${platform.architecture}`,
      },
    },
    components,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
};

const npmComponent = ({ path, name, version, licence, integrity }: LockedPackage): Component => ({
  type: 'library',
  'bom-ref': `npm:${path}`,
  name,
  version,
  purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
  licenses: [{ expression: licence }],
  hashes: [
    { alg: 'SHA-512', content: Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex') },
  ],
});

/** `npm:name@version` or `pypi:name@version`, as a page of the registry. */
const originOf = (source: string): string => {
  const [, registry, name, version] = /^(npm|pypi):(.+)@(.+)$/.exec(source) ?? [];
  return registry === 'npm'
    ? `https://www.npmjs.com/package/${name}/v/${version}`
    : `https://pypi.org/project/${name}/${version}/`;
};
