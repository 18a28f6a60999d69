import { homedir } from 'node:os';
import { join } from 'node:path';

/** A machine for which there is a package. */
export interface Platform {
  /** The architecture in Debian's terms. */
  readonly architecture: 'amd64' | 'arm64';
  /** The architecture in Node's terms. */
  readonly cpu: 'x64' | 'arm64';
  /** The platform in the manifests of native files. */
  readonly name: 'linux-x64' | 'linux-arm64';
  /** The target of zig for an addon. Node 24 needs glibc 2.28 itself. */
  readonly target: string;
}

export const PLATFORMS: readonly Platform[] = [
  { architecture: 'amd64', cpu: 'x64', name: 'linux-x64', target: 'x86_64-linux-gnu.2.28' },
  { architecture: 'arm64', cpu: 'arm64', name: 'linux-arm64', target: 'aarch64-linux-gnu.2.28' },
];

/** The folder of downloads and compiled files that later builds use again. */
export const cacheFolder = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sortbin-package');
