import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { PacketSplitter } from './packet-splitter.js';

/** The types of MQTT packets that faults refer to. */
export const CONNECT = 1;
export const PUBLISH = 3;
export const PUBACK = 4;

export interface ProxiedPacket {
  readonly to: 'broker' | 'client';
  /** The control packet type (MQTT 5.0, section 2.1.2). */
  readonly type: number;
  readonly bytes: Buffer;
  /** The number of the connection, from 1. */
  readonly connection: number;
}

/**
 * What happens to a packet. `double`: it is sent twice. `cut`: half of it is sent, then both connections are reset.
 * `stall`: neither it nor a later packet of its direction is sent, and the connection stays open.
 */
export type PacketFault =
  | 'none'
  | 'swallow'
  | 'double'
  | 'cut'
  | 'stall'
  /** Later packets of its direction wait too. */
  | { readonly delayMs: number }
  /** It is sent now and again later. Later packets do not wait. */
  | { readonly repeatAfterMs: number };

/** A proxy between MQTT clients and a broker, both on loopback. It can damage what it forwards. */
export class MqttProxy {
  port = 0;
  /** Number of connections so far. */
  connections = 0;
  /** Called for each packet, in order. */
  faultOf: (packet: ProxiedPacket) => PacketFault = () => 'none';
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((client) => this.#serve(client));

  constructor(
    /** The port of the broker, for the connections from now on. */
    public targetPort: number,
  ) {}

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  #serve(client: Socket): void {
    this.connections += 1;
    const connection = this.connections;
    const broker = connect(this.targetPort, '127.0.0.1');
    const cut = () => {
      for (const socket of [client, broker]) socket.resetAndDestroy();
    };
    for (const socket of [client, broker]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        for (const other of [client, broker]) other.destroy();
      });
    }
    this.#forward({ to: 'broker', connection }, client, broker, cut);
    this.#forward({ to: 'client', connection }, broker, client, cut);
  }

  #forward(way: Pick<ProxiedPacket, 'to' | 'connection'>, from: Socket, into: Socket, cut: () => void): void {
    const splitter = new PacketSplitter();
    const queue: Buffer[] = [];
    let isBusy = false;
    const send = (bytes: Buffer) => {
      if (into.writable) into.write(bytes);
    };
    const forwardQueue = async (): Promise<void> => {
      isBusy = true;
      for (let bytes = queue.shift(); bytes; bytes = queue.shift()) {
        const fault = this.faultOf({ ...way, type: (bytes[0] ?? 0) >> 4, bytes });
        if (fault === 'swallow') continue;
        // The direction stays busy, so that it never forwards again.
        if (fault === 'stall') return;
        if (fault === 'cut') {
          // A reset that followed at once would discard the half.
          into.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => setImmediate(cut));
          return;
        }
        if (typeof fault === 'object' && 'delayMs' in fault) await wait(fault.delayMs);
        send(bytes);
        if (fault === 'double') send(bytes);
        if (typeof fault === 'object' && 'repeatAfterMs' in fault) {
          const again = bytes;
          void wait(fault.repeatAfterMs).then(() => send(again));
        }
      }
      isBusy = false;
    };
    from.on('data', (data) => {
      queue.push(...splitter.split(data));
      if (!isBusy) void forwardQueue();
    });
  }
}
