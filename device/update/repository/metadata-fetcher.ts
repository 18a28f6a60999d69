import type { Fetcher } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { publicUrl, RepositoryError } from './errors.js';
import { canDelegate, maxBytesOf, roleOf, shapeProblem, TOP_LEVEL } from './limits.js';
import type { Reader } from './reader.js';

export interface FetcherOptions {
  readonly reader: Reader;
  /** The delegated roles that are used. They must not delegate. null: all of them, as TUF allows. */
  readonly delegated: readonly string[] | null;
  /** Called before each request. */
  readonly beforeEach: () => void;
}

/** Fetches metadata for tuf-js, one attempt a file. Remembers why the last one failed, because tuf-js drops the cause. */
export class MetadataFetcher implements Fetcher {
  failure: unknown = null;

  constructor(
    private readonly options: FetcherOptions,
    private readonly signal: AbortSignal,
  ) {}

  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    this.failure = null;
    this.options.beforeEach();
    try {
      return await this.#fetch(new URL(url), maxLength);
    } catch (thrown) {
      this.failure = thrown;
      // By this error, tuf-js recognises that no newer root exists.
      if (thrown instanceof RepositoryError && thrown.code === 'update-not-found') {
        throw new DownloadHTTPError(thrown.message, 404);
      }
      throw thrown;
    }
  }

  /** tuf-js calls this for targets, which are downloaded without it. */
  downloadFile<T>(): Promise<T> {
    throw new Error('targets are downloaded by downloadFile of download.ts');
  }

  /** `maxLength` may come from metadata of an online role. */
  async #fetch(url: URL, maxLength: number): Promise<Buffer> {
    const { reader, delegated } = this.options;
    const role = roleOf(url);
    const isDelegated = !TOP_LEVEL.includes(role);
    if (isDelegated && delegated && !delegated.includes(role)) throw invalid(url, 'a bin uses no such role');
    const bytes = await reader.readBytes(url, Math.min(maxLength, maxBytesOf(role)), this.signal);
    const json = parse(url, bytes);
    const problem = shapeProblem(json);
    if (problem) throw invalid(url, problem);
    if (isDelegated && delegated && canDelegate(json)) throw invalid(url, 'this role must not delegate');
    return bytes;
  }
}

const invalid = (url: URL, problem: string): RepositoryError =>
  new RepositoryError('update-metadata-invalid', `${publicUrl(url)}: ${problem}`);

const parse = (url: URL, bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid(url, 'not JSON. Check `update.url`.');
  }
};
