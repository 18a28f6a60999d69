import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { packageVersion } from '../../kit/root.js';
import { publicUrl, RepositoryError } from './errors.js';
import type { OpenFile } from './file-stream.js';

/**
 * Opens a file of a web server. Follows no redirect: the metadata would still be verified, but a bin should contact
 * only the host that its owner configured.
 */
export const openHttp: OpenFile = async (url, offset, signal) => {
  const response = await get(url, offset, signal);
  if (offset > 0 && !isAnswerFrom(response, offset)) {
    response.destroy();
    return openHttp(url, 0, signal);
  }
  await checkStatus(url, response, offset);
  const start = response.statusCode === 206 ? offset : 0;
  const rest = numberOf(response.headers['content-length']);
  const body = isHtml(response) ? withoutHtmlPage(url, response) : response;
  return { offset: start, bytes: rest === null ? null : start + rest, body };
};

const get = (url: URL, offset: number, signal: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const headers = {
      'User-Agent': `sortbin/${packageVersion()}`,
      // Length and hash are those of the file, not of a compressed form.
      'Accept-Encoding': 'identity',
      ...(offset > 0 ? { Range: `bytes=${offset}-` } : {}),
    };
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(url, { headers, signal }, (response) => {
      // An abort between two reads must not become an uncaught error.
      response.on('error', () => {});
      resolve(response);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The server closed an idle connection at the moment of its next use. The request did not reach it.
      const isStale = request.reusedSocket && error.code === 'ECONNRESET' && !signal.aborted;
      if (isStale) resolve(get(url, offset, signal));
      else reject(error);
    });
    request.end();
  });

/**
 * Returns whether a request for the rest of a file got an answer that is usable: this rest, or the whole file. A wrong
 * range, or 416 for a part that is longer than the file, needs a second request for the whole file.
 */
const isAnswerFrom = ({ statusCode, headers }: IncomingMessage, offset: number): boolean => {
  if (statusCode !== 206) return statusCode !== 416;
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  if (range === null || Number(range[1]) !== offset) return false;
  return range[3] === '*' || Number(range[2]) === Number(range[3]) - 1;
};

/** Largest answer that is read although it is not used. */
const MAX_UNUSED_BYTES = 16 << 10;

/** Reads an answer that is not used, if it is short. The connection then stays open for the next request. */
const drain = async (response: IncomingMessage): Promise<void> => {
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += chunk.length;
      if (bytes > MAX_UNUSED_BYTES) return;
    }
  } catch {
    // The connection is lost. The status was received.
  }
};

const checkStatus = async (url: URL, response: IncomingMessage, offset: number): Promise<void> => {
  const { statusCode = 0, headers } = response;
  if (statusCode === 200 || (statusCode === 206 && offset > 0)) return;
  const name = publicUrl(url);
  if ([403, 404, 410].includes(statusCode)) {
    // Each poll gets such an answer, because no newer root exists.
    await drain(response);
    throw new RepositoryError('update-not-found', `${name}: HTTP ${statusCode}. Check \`update.url\`.`);
  }
  if (statusCode >= 300 && statusCode < 400) {
    const { location = '' } = headers;
    const target = URL.canParse(location, url.href) ? new URL(location, url) : null;
    throw new RepositoryError(
      'update-unreachable',
      `${name}: redirect to ${target ? publicUrl(target) : 'no address'}. ` +
        'Redirects are not followed. Set `update.url` to the final address.',
    );
  }
  const cure = statusCode === 401 ? ' Check user and password in `update.url`.' : '';
  throw new RepositoryError('update-unreachable', `${name}: HTTP ${statusCode}.${cure}`);
};

const numberOf = (header: string | undefined): number | null =>
  header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : null;

const isHtml = ({ headers }: IncomingMessage): boolean =>
  /^(text\/html|application\/xhtml)/i.test(headers['content-type'] ?? '');

/** A login page of a network, or the start page of a web application, instead of the file. */
async function* withoutHtmlPage(url: URL, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const chunk of body) {
    if (isFirst && /^\s*</.test(Buffer.from(chunk.subarray(0, 200)).toString('latin1'))) {
      throw new RepositoryError(
        'update-not-found',
        `${publicUrl(url)}: the server sent an HTML page instead of the file. Check \`update.url\`, and that the network asks for no login.`,
      );
    }
    isFirst = false;
    yield chunk;
  }
}
