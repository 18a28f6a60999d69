import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A request that passed the proxy, with its answer. */
export interface Exchange {
  /** `/metadata/timestamp.json` */
  readonly path: string;
  /** Number of the connection, from 1. */
  readonly connection: number;
  /** Bytes of the request and of the answer, headers included, without TCP and TLS. */
  bytes: number;
}

const REQUEST_LINE = /^GET (\S+) HTTP\/1\.1\r\n/;

/** Forwards connections to a web server on this machine, and counts requests and bytes. For clients that do not pipeline. */
export class CountingProxy {
  connections = 0;
  #exchanges: Exchange[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => this.#forward(client));

  private constructor(private readonly port: number) {}

  static async start(port: number): Promise<CountingProxy> {
    const proxy = new CountingProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`);
  }

  /** Returns the exchanges since the last call. */
  take(): readonly Exchange[] {
    const taken = this.#exchanges;
    this.#exchanges = [];
    return taken;
  }

  /** Closes all connections, as a server does when they are idle. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    await once(this.#server, 'close');
  }

  #forward(client: Socket): void {
    this.connections += 1;
    const connection = this.connections;
    const server = connect(this.port, '127.0.0.1');
    let exchange: Exchange | null = null;
    for (const [from, into] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        into.destroy();
      });
      from.on('data', (chunk: Buffer) => {
        const [, path] = from === client ? (REQUEST_LINE.exec(chunk.toString('latin1')) ?? []) : [];
        if (path !== undefined) {
          exchange = { path, connection, bytes: 0 };
          this.#exchanges.push(exchange);
        }
        if (exchange) exchange.bytes += chunk.length;
        // Without back pressure: the files are small.
        into.write(chunk);
      });
    }
  }
}
