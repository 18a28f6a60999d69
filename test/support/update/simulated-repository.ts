import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { untilAborted } from '../../../device/kit/deadline.js';
import { type Answer, done, failed } from '../../../device/kit/errors.js';
import type {
  Catalogue,
  Repository,
  RepositoryFault,
  TargetFile,
  UnusableBundle,
} from '../../../device/update/repository/repository.js';
import { type TestBundle, waste12 } from './bundles.js';

/** A repository in memory, whose network a test disturbs. */
export class SimulatedRepository implements Repository {
  bundles: TestBundle[] = [];
  revoked: string[] = [];
  isHalted = false;
  /** The fault of each refresh and download. */
  fault: RepositoryFault | null = null;
  /** The fault of each download only. */
  downloadFault: RepositoryFault | null = null;
  unusable: UnusableBundle[] = [];
  /** Number of bytes after which the connection of a download ends, or stalls. */
  cutAfterBytes: number | null = null;
  stallAfterBytes: number | null = null;
  /** A download that does not react to its signal. */
  ignoresSignal = false;
  /** Called before each download writes. A test ends the program here. */
  onDownload: () => Promise<void> = async () => {};
  refreshes = 0;
  downloadedBytes = 0;
  downloaded: string[] = [];
  #stored: Catalogue | null = null;

  get catalogue(): Catalogue {
    return {
      targetsVersion: 1,
      bundles: this.bundles.map(({ contents: _, ...bundle }) => bundle),
      unusable: this.unusable,
      revoked: this.revoked.map((version) => ({
        ...waste12(version),
        reason: 'harmful',
        at: '2026-01-01T00:00:00Z',
      })),
      halted: this.isHalted ? ['waste12'] : [],
      signedAtMs: 0,
      expiresAtMs: 1,
    };
  }

  async refresh(signal: AbortSignal): Promise<Answer<Catalogue, RepositoryFault>> {
    signal.throwIfAborted();
    this.refreshes += 1;
    if (this.fault) return failed(this.fault, 'refresh');
    this.#stored = this.catalogue;
    return done(this.#stored);
  }

  async stored(): Promise<Answer<Catalogue | null, RepositoryFault>> {
    return done(this.#stored);
  }

  async download(
    target: TargetFile,
    into: string,
    signal: AbortSignal,
    onProgress?: (bytes: number) => void,
  ): Promise<Answer<void, RepositoryFault>> {
    const fault = this.fault ?? this.downloadFault;
    if (fault) return failed(fault, target.path);
    await this.onDownload();
    const bundle = this.bundles.find(({ version }) => target.path.startsWith(`waste12/${version}/`));
    const content = bundle?.contents.get(target.file);
    if (!content) return failed('update-not-found', target.path);
    if (!existsSync(into)) writeFileSync(into, '');
    const present = readFileSync(into).length;
    const limit = this.cutAfterBytes ?? this.stallAfterBytes ?? Number.POSITIVE_INFINITY;
    const rest = content.subarray(present, present + limit);
    appendFileSync(into, rest);
    this.downloadedBytes += rest.length;
    onProgress?.(present + rest.length);
    if (present + rest.length < content.length) {
      if (this.cutAfterBytes !== null) return failed('update-unreachable', `${target.path}: connection lost`);
      await untilAborted(this.ignoresSignal ? new AbortController().signal : signal);
    }
    this.downloaded.push(target.file);
    return done(undefined);
  }
}
