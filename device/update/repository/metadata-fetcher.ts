import type { Fetcher } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { publicUrl, RepositoryError } from './errors.js';
import type { Reader } from './reader.js';

/** Entries of a mapping or a list in metadata. The time of tuf-js is quadratic, and it parses before it verifies. */
const MAX_ENTRIES = 2048;
const MAX_LEVELS = 32;

/** Fetches metadata for tuf-js, one attempt a file. Remembers why the last one failed, because tuf-js drops the cause. */
export class MetadataFetcher implements Fetcher {
  failure: unknown = null;

  constructor(
    private readonly reader: Reader,
    private readonly signal: AbortSignal,
    private readonly beforeEach: () => void,
  ) {}

  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    this.failure = null;
    this.beforeEach();
    try {
      const bytes = await this.reader.readBytes(new URL(url), maxLength, this.signal);
      checkShape(new URL(url), bytes);
      return bytes;
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
}

const checkShape = (url: URL, bytes: Buffer): void => {
  const fail = (problem: string): never => {
    throw new RepositoryError('update-metadata-invalid', `${publicUrl(url)}: ${problem}`);
  };
  const check = (value: unknown, level: number): void => {
    if (typeof value !== 'object' || value === null) return;
    const inner = Object.values(value);
    if (inner.length > MAX_ENTRIES) fail(`more than ${MAX_ENTRIES} entries in one place`);
    if (level === MAX_LEVELS) fail(`more than ${MAX_LEVELS} levels`);
    for (const one of inner) check(one, level + 1);
  };
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    fail('not JSON. Check `update.url`.');
  }
  check(json, 0);
};
