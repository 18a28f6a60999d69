import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Aedes, type AedesPublishPacket } from 'aedes';

/** An aedes broker on the loopback address. It can be restarted on the same port, and records what it receives. */
export class AedesBroker {
  /** Every message published by a client, including wills. */
  readonly arrivals: AedesPublishPacket[] = [];
  /** Returns whether a client may publish on a topic. If not, aedes closes the connection. */
  isAllowed: (topic: string) => boolean = () => true;
  port = 0;
  #running: { readonly aedes: Aedes; readonly server: Server } | null = null;
  readonly #sockets = new Set<Socket>();

  async start(): Promise<this> {
    const aedes = await Aedes.createBroker({
      authorizePublish: (_client, { topic }, callback) =>
        callback(this.isAllowed(topic) ? null : new Error('not authorised')),
    });
    aedes.on('publish', (packet) => {
      if (packet.topic.startsWith('$SYS')) return;
      this.arrivals.push(packet);
    });
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      aedes.handle(socket);
    });
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.#running = { aedes, server };
    return this;
  }

  async stop(): Promise<void> {
    if (this.#running === null) return;
    const { aedes, server } = this.#running;
    this.#running = null;
    server.close();
    this.cut();
    await Promise.all([once(server, 'close'), new Promise<void>((resolve) => aedes.close(resolve))]);
  }

  /** Destroys every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  payloads(lastLevel: string): string[] {
    return this.arrivals
      .filter(({ topic }) => topic.endsWith(`/${lastLevel}`))
      .map(({ payload }) => payload.toString());
  }

  eventSeqs(): number[] {
    return this.payloads('event').map((json) => JSON.parse(json).seq as number);
  }
}
