import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { BaseFetcher } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { messageOf } from '../../kit/errors.js';
import { canDelegate, roleOf, shapeProblem } from '../../update/repository/limits.js';
import { ROLLOUTS } from './folder/metadata.js';
import { ReleaseError, ROLES } from './release.js';

type Body = Awaited<ReturnType<BaseFetcher['fetch']>>;

/** What ends anything that somebody has added to `rollouts`. */
export const ROLLOUTS_FIX =
  'Its key may be stolen: replace it with "sortbin release rotate REPOSITORY rollouts".';

/** Longest time for one file. */
const TIMEOUT_MS = 600_000;

/** Reads files of a repository from `http:`, `https:` and `file:` addresses. */
export class RepositoryFetcher extends BaseFetcher {
  /** The last failure that tuf-js replaces by another error. */
  failure: ReleaseError | null = null;

  override async fetch(url: string): Promise<Body> {
    return url.startsWith('file:') ? this.#readFile(url) : this.#get(url);
  }

  /** Refuses metadata as a bin does. */
  override async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    const role = roleOf(new URL(url));
    if (!ROLES.some((one) => one === role)) throw this.#refuse(url, 'bins use no such role', 'Remove it.');
    const bytes = await super.downloadBytes(url, maxLength);
    const json = jsonOf(bytes);
    const problem = shapeProblem(json);
    if (problem) throw this.#refuse(url, problem, 'Remove old bundles.');
    if (role === ROLLOUTS && json !== null && canDelegate(json))
      throw this.#refuse(url, 'this role must not delegate', ROLLOUTS_FIX);
    return bytes;
  }

  #refuse(url: string, problem: string, fix: string): ReleaseError {
    this.failure = new ReleaseError(
      'release-invalid',
      `${url}: ${problem}, so that bins refuse this repository. ${fix}`,
    );
    return this.failure;
  }

  async #readFile(url: string): Promise<Body> {
    const path = fileURLToPath(url);
    const status = await stat(path).catch(() => null);
    if (!status?.isFile()) throw new DownloadHTTPError(`${path}: no such file`, 404);
    return Readable.toWeb(createReadStream(path)) as Body;
  }

  async #get(url: string): Promise<Body> {
    let response: Response;
    try {
      response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (cause) {
      throw this.#fail(`${url}: ${reasonOf(cause)}. Check the address and the server.`, cause);
    }
    if (response.ok && response.body) return response.body as Body;
    await response.body?.cancel();
    if (response.status >= 500) throw this.#fail(`${url}: status ${response.status}. Check the server.`);
    throw new DownloadHTTPError(`${url}: status ${response.status}`, response.status);
  }

  #fail(message: string, cause?: unknown): ReleaseError {
    this.failure = new ReleaseError('release-unreachable', message, { cause });
    return this.failure;
  }
}

/** Text that is not JSON is refused by tuf-js. */
const jsonOf = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
};

/** `fetch` explains a failure of the connection in the cause. */
const reasonOf = (thrown: unknown): string =>
  thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : messageOf(thrown);
