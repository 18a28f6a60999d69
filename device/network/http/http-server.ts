import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { type HealthListener, HealthReporter, type HealthSource } from '../../kit/health.js';
import type { Service } from '../../kit/service.js';
import { HostNames } from './host-names.js';
import type { HttpAnswer } from './http.js';
import { HTTP_LIMITS, type HttpLimits } from './limits.js';
import type { RouteTable } from './route-table.js';

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Names of the bin in the DNS, beside that of the machine. */
  readonly names: readonly string[];
  readonly routes: Pick<RouteTable, 'find'>;
  readonly limits?: Partial<HttpLimits>;
  readonly clock: Clock;
  readonly log: Logger;
}

const WRONG_HOST = 'not a name of this bin. Use its IP address, or add the name to http.names.';

const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** Answers HTTP requests within limits. If its address cannot be used, the bin sorts without it. */
export class HttpServer implements Service, HealthSource<'http-not-started'> {
  readonly name = 'http server';
  readonly #server: Server;
  readonly #limits: HttpLimits;
  /** By connection, the end of its last request. */
  readonly #turns = new WeakMap<Socket, Promise<void>>();
  readonly #hosts: HostNames;
  readonly #health = new HealthReporter<'http-not-started'>();
  #isStopped = false;
  #failures = 0;

  constructor(private readonly options: HttpServerOptions) {
    const limits = { ...HTTP_LIMITS, ...options.limits };
    this.#limits = limits;
    this.#hosts = new HostNames(options.names);
    this.#server = createServer(
      {
        maxHeaderSize: limits.headerBytes,
        headersTimeout: limits.headersMs,
        requestTimeout: limits.requestMs,
        keepAliveTimeout: limits.keepAliveMs,
        connectionsCheckingInterval: limits.checkMs,
      },
      (request, response) => this.#queue(request, response),
    );
    this.#server.maxConnections = limits.connections;
    this.#server.timeout = limits.idleMs;
    this.#server.on('error', (error) =>
      options.log.warn({ err: error }, 'http server: could not accept a connection'),
    );
    // The name of a host may still be resolved at the stop.
    this.#server.on('listening', () => {
      if (this.#isStopped) this.#server.close();
    });
  }

  /** null: the server does not listen. */
  get url(): string | null {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') return null;
    const host = isIPv6(address.address) ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}`;
  }

  onHealth(listener: HealthListener<'http-not-started'>): void {
    this.#health.onHealth(listener);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { host, port, log } = this.options;
    signal.throwIfAborted();
    if (this.#isStopped) return;
    try {
      const listening = once(this.#server, 'listening', { signal });
      this.#server.listen({ host, port });
      await listening;
      log.info({ url: this.url }, 'http server started');
    } catch (thrown) {
      signal.throwIfAborted();
      const message = `${messageOf(thrown)}. The bin sorts without the HTTP server.`;
      this.#health.set({ code: 'http-not-started', message });
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Node passes on all requests of a connection at once. Together they could keep the event loop busy for a long time. */
  #queue(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const serve = () => this.#serve(request, response);
    this.#turns.set(socket, (this.#turns.get(socket) ?? Promise.resolve()).then(serve));
  }

  /** Ends when the client has the answer, or has gone. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.socket.destroyed) return;
    const ended = new Promise((resolve) => response.once('close', resolve));
    try {
      await this.#send(await this.#answer(request, response), request, response);
    } catch {
      response.destroy(); // The client has gone, or does not read.
    }
    await ended;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<HttpAnswer> {
    const { clock, routes } = this.options;
    const { method = '', url = '', headers } = request;
    if (!this.#hosts.has(headers.host)) return refusal(421, WRONG_HOST);
    const [path = '', query = ''] = splitAtFirst(url, '?');
    const found = routes.find(method, path);
    if (!('route' in found)) {
      const { status } = found;
      return status === 405
        ? refusal(status, 'method not allowed', { allow: found.allow })
        : refusal(status, 'not found');
    }
    const body = await bodyOf(request, this.#limits.bodyBytes);
    if (!body) return refusal(413, `the body exceeds ${this.#limits.bodyBytes} bytes`);
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the client has gone')));
    try {
      return await withDeadline(clock, this.#limits.answerMs, async (deadline) =>
        found.route.answer({
          query: new URLSearchParams(query),
          headers,
          body,
          signal: AbortSignal.any([deadline, gone.signal]),
        }),
      );
    } catch (error) {
      this.#failed(path, error);
      return refusal(500, 'internal error');
    }
  }

  async #send(
    { status, type, headers, body }: HttpAnswer,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    response.writeHead(status, {
      ...HEADERS,
      ...headers,
      'content-type': type,
      ...(body instanceof Readable ? {} : { 'content-length': Buffer.byteLength(body) }),
      // The rest of a body that was not read is not a request.
      ...(request.complete ? {} : { connection: 'close' }),
    });
    if (!(body instanceof Readable)) response.end(body);
    else if (request.method === 'HEAD') {
      body.destroy();
      response.end();
    } else {
      // A client of events waits for the headers before the first event.
      response.flushHeaders();
      await pipeline(body, response);
    }
  }

  /** Logs the first failure, then each time their number has doubled. A client can cause any number of them. */
  #failed(path: string, error: unknown): void {
    this.#failures += 1;
    if (Number.isInteger(Math.log2(this.#failures)))
      this.options.log.error({ path, failures: this.#failures, err: error }, 'http server: a route failed');
  }
}

const splitAtFirst = (text: string, separator: string): [string, string] => {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
};

const refusal = (status: number, reason: string, headers = {}): HttpAnswer => ({
  ...{ status, headers },
  type: 'text/plain; charset=utf-8',
  body: `${reason}\n`,
});

/** Returns the body of a request; null: it is too long, and was not read to its end. */
const bodyOf = async (request: IncomingMessage, maxBytes: number): Promise<Buffer | null> => {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return null;
  const chunks: Buffer[] = [];
  let length = 0;
  // The iterator must not destroy the socket: the answer is still to be sent.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length;
    if (length > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};
