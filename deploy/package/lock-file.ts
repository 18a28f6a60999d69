/** An entry of package-lock.json. */
interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface LockFile {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

/** A package that a bin needs at run time. */
export interface LockedPackage {
  /** The path below node_modules, for example `mqtt/node_modules/debug`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** The digest of its archive: `sha512-` and base64. */
  readonly integrity: string;
}

const ROOT = 'node_modules/';

/**
 * Returns the packages that `sortbin` loads on a Linux machine with glibc, sorted by path. It follows the dependencies
 * from the root, without the development packages and without the packages in `left`.
 */
export const packagesFor = (lock: LockFile, cpu: string, left: readonly string[]): LockedPackage[] => {
  const found = new Map<string, LockedPackage>();
  const visit = (from: string): void => {
    const { dependencies, optionalDependencies } = lock.packages[from] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = resolveFrom(lock, from, name);
      const entry = path === undefined ? undefined : lock.packages[path];
      if (path === undefined || entry === undefined || left.includes(name) || !runsOn(entry, cpu)) continue;
      const short = path.slice(ROOT.length);
      if (found.has(short)) continue;
      const { version = '', license = '', integrity = '' } = entry;
      found.set(short, { path: short, name, version, licence: license, integrity });
      visit(path);
    }
  };
  visit('');
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
};

/** Resolves like Node: the nearest node_modules on the way up. An optional package may be missing. */
const resolveFrom = (lock: LockFile, from: string, name: string): string | undefined => {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder === '' ? '' : `${folder}/`}${ROOT}${name}`;
    if (path in lock.packages) return path;
    if (folder === '') return undefined;
  }
};

const runsOn = ({ os, cpu: cpus, libc }: LockEntry, cpu: string): boolean =>
  (os?.includes('linux') ?? true) && (cpus?.includes(cpu) ?? true) && (libc?.includes('glibc') ?? true);
