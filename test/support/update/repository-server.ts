import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A web server for a repository on the loopback interface. It supports ranges. A test may replace any answer. */
export interface RepositoryServer {
  readonly url: URL;
  /** The paths of all requests so far, with the first byte of a range: `targets/a/1.0.0/….bin from 100`. */
  readonly requests: string[];
  /** Answers requests for paths that end with `end`. */
  answer(end: string, handler: Handler): void;
  /** Calls `watcher` with each request. */
  watch(watcher: (request: IncomingMessage) => void): void;
  /** Removes all such answers. */
  reset(): void;
  close(): Promise<void>;
}

export const serveRepository = async (files: ReadonlyMap<string, Buffer>): Promise<RepositoryServer> => {
  const requests: string[] = [];
  const handlers = new Map<string, Handler>();
  let watcher: (request: IncomingMessage) => void = () => {};
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1);
    const from = fromOf(request);
    watcher(request);
    requests.push(from === 0 ? path : `${path} from ${from}`);
    const handler = [...handlers].find(([end]) => path.endsWith(end))?.[1];
    if (handler) return handler(request, response);
    sendFile(request, response, files.get(path));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    requests,
    answer: (end, handler) => handlers.set(end, handler),
    watch: (next) => {
      watcher = next;
    },
    reset: () => handlers.clear(),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
};

export const sendFile = (
  request: IncomingMessage,
  response: ServerResponse,
  file: Buffer | undefined,
): void => {
  const from = fromOf(request);
  if (!file) return void response.writeHead(404).end();
  if (from === 0) return void response.writeHead(200, { 'Content-Length': file.length }).end(file);
  if (from >= file.length) return void response.writeHead(416).end();
  const range = `bytes ${from}-${file.length - 1}/${file.length}`;
  const headers = { 'Content-Range': range, 'Content-Length': file.length - from };
  response.writeHead(206, headers).end(file.subarray(from));
};

const fromOf = ({ headers }: IncomingMessage): number =>
  Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
