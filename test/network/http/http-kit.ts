import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { SystemClock } from '../../../device/kit/clock.js';
import type { HttpRoute } from '../../../device/network/http/http.js';
import { HttpServer } from '../../../device/network/http/http-server.js';
import type { HttpLimits } from '../../../device/network/http/limits.js';
import { RouteTable } from '../../../device/network/http/route-table.js';

export const NEVER = new AbortController().signal;

/** A server with these routes on a free port, and raw connections to it. */
export class HttpBench {
  readonly logged: { readonly level: number; readonly msg: string }[] = [];
  readonly server: HttpServer;
  readonly #sockets: Socket[] = [];

  constructor(routes: readonly HttpRoute[], limits: Partial<HttpLimits> = {}, port = 0) {
    const table = new RouteTable();
    for (const route of routes) table.add(route);
    const log = pino({ level: 'info' }, { write: (line: string) => this.logged.push(JSON.parse(line)) });
    this.server = new HttpServer({
      ...{ host: '127.0.0.1', port, routes: table, limits, names: ['bin.lan'] },
      ...{ clock: new SystemClock(), log },
    });
  }

  get url(): string {
    return this.server.url ?? '';
  }

  async connect(): Promise<Socket> {
    const socket = connect(Number(new URL(this.url).port), '127.0.0.1');
    this.#sockets.push(socket);
    // A server may reset a connection that it refuses.
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  /** Sends bytes, and returns all that the server sends until it closes the connection. */
  async say(bytes: string): Promise<string> {
    const socket = await this.connect();
    socket.write(bytes);
    return untilClosed(socket);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.server.stop();
  }
}

export const untilClosed = async (socket: Socket): Promise<string> => {
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  await once(socket, 'close');
  return received;
};

export const withServer = async (
  routes: readonly HttpRoute[],
  use: (bench: HttpBench) => Promise<void>,
  limits: Partial<HttpLimits> = {},
): Promise<void> => {
  const bench = new HttpBench(routes, limits);
  await bench.server.start(NEVER);
  try {
    await use(bench);
  } finally {
    await bench.close();
  }
};

export const textRoute = (path: string, body: string): HttpRoute => ({
  method: 'GET',
  path,
  answer: () => ({ status: 200, type: 'text/plain', body }),
});
