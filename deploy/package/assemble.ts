import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot, packageVersion } from '../../device/kit/root.js';
import { makeProgram } from '../../device/tools/cli/program.js';
import { type ShippedNode, shippedNode } from './cached-package.js';
import { bashCompletions, fishCompletions } from './completions.js';
import { changelogText, controlText, MAINTAINER_SCRIPTS } from './control.js';
import { compileEpoll, EPOLL_ADDON } from './epoll.js';
import { licencesText } from './licences.js';
import { manPage } from './man-page.js';
import { copyModules, installPackages, LEFT_OUT, type NodeModules } from './node-modules.js';
import type { Platform } from './platforms.js';
import { sbomText } from './sbom.js';
import { putSystemdFiles } from './systemd-files.js';
import { normalise, put, putCompressed, putFile, putFolder, putLink } from './tree.js';

const PROGRAM = 'usr/lib/sortbin';
const DOC = 'usr/share/doc/sortbin';
const source = (...path: string[]) => join(packageRoot(), ...path);
const debian = (name: string) => source('deploy/package/debian', name);

/** Files of systemd/ that the maintainer scripts and the guides name. */
const REQUIRED_FILES = ['sortbin.service', 'sortbin-sysusers.conf', '60-sortbin.rules'];

/** Where a build works, and the time that its files have. */
export interface Build {
  readonly platform: Platform;
  /** An empty temporary folder. */
  readonly folder: string;
  /** Seconds since 1970. */
  readonly epochS: number;
}

/** Puts all files of a package into a folder, ready for dpkg-deb. Returns the folder. */
export const assemble = async ({ platform, folder, epochS }: Build): Promise<string> => {
  const root = join(folder, 'root');
  const node = await shippedNode(platform);
  const modules = await installPackages(platform, join(folder, 'npm'));
  await putProgram(root, platform, node, modules);
  await putDocuments(root, { platform, epochS, node, modules });
  await putSystemdFiles(root, source('systemd'), REQUIRED_FILES);
  await put(root, 'DEBIAN/control', await controlText(root, platform));
  for (const name of MAINTAINER_SCRIPTS) await putFile(root, `DEBIAN/${name}`, debian(name));
  await normalise(root, isProgram, epochS);
  return root;
};

/** Programs, and scripts that start with `#!`. The addons and libraries of Node need no such mode. */
const isProgram = (path: string): boolean =>
  /^(usr\/bin\/|usr\/lib\/sortbin\/(bin\/|node$)|DEBIAN\/(post|pre))|\/deploy\/native\/[^/]+\/sortbin-[a-z]+$/.test(
    path,
  );

const putProgram = async (
  root: string,
  platform: Platform,
  node: ShippedNode,
  modules: NodeModules,
): Promise<void> => {
  const isCode = (path: string) => !/\.(map|d\.ts)$/.test(path);
  await putFile(root, 'usr/bin/sortbin', debian('sortbin'));
  await putFile(root, `${PROGRAM}/node`, join(node.folder, 'bin/node'));
  await putFolder(root, `${PROGRAM}/dist/device`, source('dist/device'), isCode);
  await put(root, `${PROGRAM}/package.json`, await shippedManifest());
  await copyModules(modules, platform, join(root, PROGRAM, 'node_modules'));
  await putFile(
    root,
    `${PROGRAM}/node_modules/${EPOLL_ADDON}`,
    await compileEpoll(platform, node, modules.folder),
  );
  await putFolder(root, `${PROGRAM}/deploy/model`, source('deploy/model'));
  // The images of the simulated camera.
  await putFolder(root, `${PROGRAM}/test/samples`, source('test/samples'));
  const native = `deploy/native/${platform.name}`;
  await putFile(root, `${PROGRAM}/deploy/native/manifest.json`, source('deploy/native/manifest.json'));
  await putFolder(root, `${PROGRAM}/${native}`, source(native));
  // Units name these programs without the platform.
  for (const name of (await readdir(source(native))).filter((file) => !file.endsWith('.so')))
    await putLink(root, `${PROGRAM}/bin/${name}`, `../${native}/${name}`);
  await putFile(root, 'usr/share/sortbin/sortbin.yaml', debian('sortbin.yaml'));
};

/** package.json without the parts for developers, and without the packages that are left out. */
const shippedManifest = async (): Promise<string> => {
  const { name, version, description, license, type, engines, dependencies, optionalDependencies } =
    JSON.parse(await readFile(source('package.json'), 'utf8'));
  const optional = Object.fromEntries(
    Object.entries(optionalDependencies).filter(([optionalName]) => !LEFT_OUT.includes(optionalName)),
  );
  const kept = {
    name,
    version,
    description,
    license,
    type,
    engines,
    dependencies,
    optionalDependencies: optional,
  };
  return `${JSON.stringify(kept, null, 2)}\n`;
};

interface Documented {
  readonly platform: Platform;
  readonly epochS: number;
  readonly node: ShippedNode;
  readonly modules: NodeModules;
}

const putDocuments = async (root: string, { platform, epochS, node, modules }: Documented): Promise<void> => {
  const program = await makeProgram();
  const date = new Date(epochS * 1000);
  await put(root, 'usr/share/bash-completion/completions/sortbin', bashCompletions(program));
  await put(root, 'usr/share/fish/vendor_completions.d/sortbin.fish', fishCompletions(program));
  await putCompressed(
    root,
    'usr/share/man/man1/sortbin.1.gz',
    manPage(program, packageVersion(), date.toISOString().slice(0, 10)),
  );
  await putFile(root, 'usr/share/lintian/overrides/sortbin', debian('lintian-overrides'));
  await putFile(root, `${DOC}/copyright`, debian('copyright'));
  await putFile(root, `${DOC}/README.Debian`, debian('README.Debian'));
  await putFile(
    root,
    `${DOC}/examples/52sortbin-unattended-upgrades`,
    debian('52sortbin-unattended-upgrades'),
  );
  await putCompressed(root, `${DOC}/changelog.gz`, changelogText(packageVersion(), date));
  await putCompressed(root, `${DOC}/third-party-licences.gz`, await licencesText(modules, node));
  await put(
    root,
    `${DOC}/sbom.cdx.json`,
    await sbomText({ platform, packages: modules.packages, node, epochS }),
  );
  await putFolder(root, DOC, source('docs'), (path) => !/\/docs\/(adr|images)$/.test(path));
};
