import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type IConnectPacket, type IPublishPacket, parser, writeToStream } from 'mqtt-packet';

export interface BrokerBehaviour {
  /** Returns whether it answers this CONNECT with CONNACK 0. Otherwise `refusal` applies. By default it accepts all. */
  accepts(connect: IConnectPacket): boolean;
  /** `silence`, `close`, or the reason code of the CONNACK that precedes the close. */
  refusal: 'silence' | 'close' | number;
  receiveMaximum?: number;
  /** Returns the reason code of the PUBACK, or `none` for no PUBACK. */
  puback(publish: IPublishPacket): number | 'none';
}

/** A broker for one client that can violate the protocol. */
export class RoughBroker {
  readonly connects: IConnectPacket[] = [];
  readonly publishes: IPublishPacket[] = [];
  readonly disconnects: number[] = [];
  behaviour: BrokerBehaviour = { accepts: () => true, refusal: 'silence', puback: () => 0 };
  port = 0;
  /** Answers no PINGREQ. */
  ignoresPings = false;
  /** Maximum number of publishes without a PUBACK at one time. Only counted while PUBACKs are held. */
  mostUnacknowledged = 0;
  #held: (() => void)[] | null = null;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => this.#serve(socket));

  async start(): Promise<this> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.cut();
    await once(this.#server, 'close');
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Holds all PUBACKs back from now on. `releaseAcks` sends those that are held. */
  holdAcks(): void {
    this.#held ??= [];
  }

  stopHoldingAcks(): void {
    this.releaseAcks();
    this.#held = null;
  }

  get heldAcks(): number {
    return this.#held?.length ?? 0;
  }

  releaseAcks(): void {
    for (const ack of this.#held?.splice(0) ?? []) ack();
  }

  /** Numbers of the received events, in order, including repetitions. */
  eventSeqs(): number[] {
    return this.publishes
      .filter(({ topic }) => topic.endsWith('/event'))
      .map(({ payload }) => JSON.parse(payload.toString()).seq as number);
  }

  payloads(lastLevel: string): string[] {
    return this.publishes
      .filter(({ topic }) => topic.endsWith(`/${lastLevel}`))
      .map(({ payload }) => payload.toString());
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let version: 3 | 4 | 5 = 4;
    const decoder = parser();
    const send = (packet: Parameters<typeof writeToStream>[0]) => {
      if (!socket.destroyed) writeToStream(packet, socket, { protocolVersion: version });
    };
    decoder.on('packet', (packet) => {
      if (packet.cmd === 'connect') {
        version = packet.protocolVersion ?? 4;
        this.connects.push(packet);
        const { accepts, refusal, receiveMaximum } = this.behaviour;
        const accepted = accepts(packet);
        const code = accepted ? 0 : refusal;
        const properties = receiveMaximum === undefined ? {} : { properties: { receiveMaximum } };
        if (typeof code === 'number') {
          const connack = { cmd: 'connack', sessionPresent: false } as const;
          send({
            ...connack,
            ...(version === 5 ? { reasonCode: code } : { returnCode: code }),
            ...properties,
          });
        }
        if (!accepted && refusal !== 'silence') socket.end();
      }
      if (packet.cmd === 'pingreq' && !this.ignoresPings) send({ cmd: 'pingresp' });
      if (packet.cmd === 'disconnect') this.disconnects.push(packet.reasonCode ?? 0);
      if (packet.cmd === 'publish') {
        this.publishes.push(packet);
        const reasonCode = this.behaviour.puback(packet);
        const { messageId } = packet;
        if (reasonCode !== 'none' && messageId !== undefined) {
          const ack = () => send({ cmd: 'puback', messageId, reasonCode });
          if (this.#held === null) ack();
          else this.#held.push(ack);
          this.mostUnacknowledged = Math.max(this.mostUnacknowledged, this.heldAcks);
        }
      }
    });
    socket.on('data', (bytes) => decoder.parse(bytes));
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
