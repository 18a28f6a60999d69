import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { sha256 } from '../native/fetch.js';
import { PLATFORMS } from './platforms.js';
import { put } from './tree.js';

const run = promisify(execFile);
const POOL = 'pool/main/s/sortbin';
const SUITE = 'stable';

export interface RepositoryOptions {
  /** Time of the file Release; seconds since 1970. */
  readonly epochS: number;
  /** Id of the gpg key that signs. undefined: no signature. */
  readonly key: string | undefined;
}

/**
 * Adds packages to an apt repository: a folder of static files for any web server. Older versions in its pool stay
 * available, so that `apt install sortbin=VERSION` goes back.
 */
export const updateRepository = async (
  folder: string,
  packages: readonly string[],
  { epochS, key }: RepositoryOptions,
): Promise<void> => {
  const pool = join(folder, POOL);
  await mkdir(pool, { recursive: true });
  for (const path of packages) await copyFile(path, join(pool, basename(path)));
  const dist = join(folder, 'dists', SUITE);
  await rm(dist, { recursive: true, force: true });
  for (const { architecture } of PLATFORMS) {
    const below = `main/binary-${architecture}`;
    await put(dist, `${below}/Packages`, await packagesText(folder, architecture));
    await run('xz', ['--keep', '-6', join(dist, below, 'Packages')]);
  }
  await writeFile(join(dist, 'Release'), await releaseText(dist, epochS));
  if (key === undefined) return;
  const gpg = ['--batch', '--yes', '--local-user', key, '--armor', '--digest-algo', 'SHA256'];
  await run('gpg', [...gpg, '--detach-sign', '--output', join(dist, 'Release.gpg'), join(dist, 'Release')]);
  await run('gpg', [...gpg, '--clearsign', '--output', join(dist, 'InRelease'), join(dist, 'Release')]);
};

/** Returns the file Packages of an architecture: the control file of each package, and where it is. */
const packagesText = async (folder: string, architecture: string): Promise<string> => {
  const stanzas: string[] = [];
  for (const name of (await readdir(join(folder, POOL))).sort()) {
    if (!name.endsWith(`_${architecture}.deb`)) continue;
    const path = join(POOL, name);
    const { stdout } = await run('dpkg-deb', ['--field', join(folder, path)]);
    const { size } = await stat(join(folder, path));
    const digest = sha256(await readFile(join(folder, path)));
    stanzas.push(`${stdout.trim()}\nFilename: ${path}\nSize: ${size}\nSHA256: ${digest}\n`);
  }
  return stanzas.join('\n');
};

const releaseText = async (dist: string, epochS: number): Promise<string> => {
  const lines: string[] = [];
  for (const { architecture } of PLATFORMS)
    for (const name of ['Packages', 'Packages.xz']) {
      const path = `main/binary-${architecture}/${name}`;
      const bytes = await readFile(join(dist, path));
      lines.push(` ${sha256(bytes)} ${bytes.length} ${path}`);
    }
  return `Origin: sortbin
Label: sortbin
Suite: ${SUITE}
Codename: ${SUITE}
Architectures: ${PLATFORMS.map(({ architecture }) => architecture).join(' ')}
Components: main
Description: Packages of sortbin
Date: ${new Date(epochS * 1000).toUTCString().replace('GMT', 'UTC')}
SHA256:
${lines.join('\n')}
`;
};
