import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { planAdd } from '../../../device/tools/release/add.js';
import type { CountingProxy, Exchange } from '../../support/update/counting-proxy.js';
import { applied, type Repository } from '../../tools/release/support.js';
import type { BenchBin, Operation } from './bench-bin.js';

/** What one update of a bin cost. Times in milliseconds. */
export interface Install {
  readonly change: string;
  readonly phasesMs: {
    /** From the request to the beginning of the download: the refresh of the metadata. */
    readonly metadata: number;
    /** With fsync of each file, and the building of the slot. */
    readonly download: number;
    readonly checks: number;
    readonly exchange: number;
  };
  /** From the announcement to active. */
  readonly totalMs: number;
  readonly bundleBytes: number;
  /** Requests and bytes on the wire, headers included, without TCP and TLS. */
  readonly metadata: Traffic;
  readonly files: Traffic;
  readonly connections: number;
  /** Growth of the folder of the store, in bytes of the disk. Hard links count once. */
  readonly storedBytes: number;
}

export interface Traffic {
  readonly requests: number;
  readonly bytes: number;
}

interface InstallParts {
  readonly bin: BenchBin;
  readonly repository: Repository;
  readonly proxy: CountingProxy;
  /** Folder of the store of bundles. */
  readonly store: string;
}

/** Announces a bundle: adds it to the repository, and signs. Then the bin installs it at once. */
export const measureInstall = async (
  { bin, repository, proxy, store }: InstallParts,
  { change, folder, version }: { readonly change: string; readonly folder: string; readonly version: string },
): Promise<{ readonly install: Install; readonly operation: Operation }> => {
  const before = diskBytes(store);
  proxy.take();
  await applied(planAdd(repository.state, folder, repository.signing()));
  const operation = await bin.operate({ command: 'model.install' }, version);
  const exchanges = proxy.take();
  const { startMs, endMs, phases } = operation;
  const at = (name: string) => phases.find(({ phase }) => phase === name)?.atMs ?? Number.NaN;
  const install: Install = {
    change,
    phasesMs: {
      metadata: at('downloading') - startMs,
      download: at('checking') - at('downloading'),
      checks: at('activating') - at('checking'),
      exchange: endMs - at('activating'),
    },
    totalMs: endMs - startMs,
    bundleBytes: filesIn(folder).reduce((sum, path) => sum + statSync(path).size, 0),
    metadata: trafficOf(exchanges.filter(({ path }) => path.startsWith('/metadata/'))),
    files: trafficOf(exchanges.filter(({ path }) => path.startsWith('/targets/'))),
    connections: new Set(exchanges.map(({ connection }) => connection)).size,
    storedBytes: diskBytes(store) - before,
  };
  return { install, operation };
};

export const trafficOf = (exchanges: readonly Exchange[]): Traffic => ({
  requests: exchanges.length,
  bytes: exchanges.reduce((sum, { bytes }) => sum + bytes, 0),
});

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));

/** Returns the bytes that a folder needs on the disk, like `du`. */
const diskBytes = (folder: string): number => {
  const blocks = new Map<number, number>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const { ino, blocks: count } =
      statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false }) ?? {};
    if (ino !== undefined && !entry.isSymbolicLink()) blocks.set(ino, count ?? 0);
  }
  return [...blocks.values()].reduce((sum, count) => sum + 512 * count, 0);
};
