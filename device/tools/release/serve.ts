import { createReadStream, realpathSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join, sep } from 'node:path';
import { pipeline } from 'node:stream';
import { leadsOut } from './folder/links.js';
import { ReleaseError } from './release.js';

/** The folders that clients read. Other files of the repository's folder are not served. */
const SERVED = ['metadata', 'targets'];

export interface StaticServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves a repository as static files, to try it. It is no server for the internet.
 * @throws ReleaseError `release-port`
 */
export const serveRepository = async (folder: string, host: string, port: number): Promise<StaticServer> => {
  const root = realpathSync(folder);
  const server = createServer((request, response) => answer(root, request, response));
  await listen(server, host, port);
  const { port: actual } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      const message = `${host}, port ${port}: cannot be used (${code}). Use another --host or --port.`;
      reject(new ReleaseError('release-port', message));
    });
    server.listen(port, host, resolve);
  });

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The part of a file that is the body. Absent: no body. */
  readonly body?: { readonly path: string; readonly start: number; readonly end: number };
}

const replyTo = (root: string, { method, url = '/', headers: { range: header } }: IncomingMessage): Reply => {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { allow: 'GET, HEAD' } };
  const file = find(root, url);
  if (!file) return { status: 404, headers: {} };
  const { path, size } = file;
  const range = rangeOf(header, size);
  if (range === 'invalid') return { status: 416, headers: { 'content-range': `bytes */${size}` } };
  const { start, end } = range ?? { start: 0, end: size - 1 };
  return {
    status: range ? 206 : 200,
    headers: {
      'accept-ranges': 'bytes',
      'content-type': path.endsWith('.json') ? 'application/json' : 'application/octet-stream',
      'content-length': `${end - start + 1}`,
      // All other files never change.
      'cache-control': path.endsWith('timestamp.json') ? 'no-cache' : 'max-age=31536000, immutable',
      ...(range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
    },
    ...(method === 'GET' && size > 0 ? { body: { path, start, end } } : {}),
  };
};

const answer = (root: string, request: IncomingMessage, response: ServerResponse): void => {
  const { status, headers, body } = replyTo(root, request);
  response.writeHead(status, { 'content-length': '0', ...headers });
  // A client that leaves ends the stream with an error.
  if (body) pipeline(createReadStream(body.path, body), response, () => {});
  else response.end();
};

interface Found {
  readonly path: string;
  readonly size: number;
}

/**
 * Returns a regular file in one of the served folders. A folder may be a symbolic link, but a link inside it must not lead
 * out of it. A hidden file is left by an interrupted command.
 */
const find = (root: string, url: string): Found | null => {
  try {
    const name = decodeURIComponent(url.replace(/[?#].*$/, ''));
    const asked = join(root, name);
    const folder = SERVED.map((one) => join(root, one)).find((one) => asked.startsWith(one + sep));
    if (folder === undefined || basename(asked).startsWith('.') || leadsOut(folder, asked)) return null;
    const path = realpathSync(asked);
    const status = statSync(path);
    return status.isFile() ? { path, size: status.size } : null;
  } catch {
    return null;
  }
};

/** Returns the range of a request, null for the whole file, or `invalid`. Several ranges are answered by the whole file. */
const rangeOf = (
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | null | 'invalid' => {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return null;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return start > last ? 'invalid' : { start, end: last };
};
