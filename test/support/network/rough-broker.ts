import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type IConnectPacket, type IPublishPacket, type Packet, parser, writeToStream } from 'mqtt-packet';
import { matchesFilter } from '../../../device/network/mqtt/topic.js';

export interface BrokerBehaviour {
  /** Returns whether it answers this CONNECT with CONNACK 0. Otherwise `refusal` applies. By default it accepts all. */
  accepts(connect: IConnectPacket): boolean;
  /** `silence`, `close`, or the reason code of the CONNACK that precedes the close. */
  refusal: 'silence' | 'close' | number;
  receiveMaximum?: number;
  /** Returns the reason code of the PUBACK, or `none` for no PUBACK. */
  puback(publish: IPublishPacket): number | 'none';
  /** Returns the reason code of the SUBACK, or `none` for no SUBACK. */
  suback(filter: string): number | 'none';
}

interface Client {
  readonly filters: Set<string>;
  send(packet: Packet): void;
}

/** A broker for one client that can violate the protocol. */
export class RoughBroker {
  readonly connects: IConnectPacket[] = [];
  readonly publishes: IPublishPacket[] = [];
  readonly disconnects: number[] = [];
  /** Every packet that it received, by its kind. */
  readonly received: string[] = [];
  behaviour: BrokerBehaviour = { accepts: () => true, refusal: 'silence', puback: () => 0, suback: () => 1 };
  port = 0;
  /** Answers no PINGREQ. */
  ignoresPings = false;
  /** Maximum number of publishes without a PUBACK at one time. Only counted while PUBACKs are held. */
  mostUnacknowledged = 0;
  #held: (() => void)[] | null = null;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Set<Client>();
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

  /** The filters to which the client is subscribed. */
  get filters(): string[] {
    return [...this.#clients].flatMap(({ filters }) => [...filters]);
  }

  /** Sends a message to each client with a subscription for it. */
  deliver(topic: string, payload: string | Buffer, packet: Partial<IPublishPacket> = {}): void {
    const publish = { cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false, ...packet } as const;
    for (const { filters, send } of this.#clients)
      if ([...filters].some((filter) => matchesFilter(filter, topic))) send(publish);
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

  /** The retained payload of a full topic that a late subscriber would receive. */
  retained(topic: string): string | undefined {
    const newest = this.publishes.filter((publish) => publish.topic === topic && publish.retain).at(-1);
    return newest?.payload.toString() || undefined;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let version: 3 | 4 | 5 = 4;
    const decoder = parser();
    const send = (packet: Packet) => {
      if (!socket.destroyed) writeToStream(packet, socket, { protocolVersion: version });
    };
    const client = { filters: new Set<string>(), send };
    this.#clients.add(client);
    decoder.on('packet', (packet) => {
      this.received.push(packet.cmd);
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
      if (packet.cmd === 'subscribe') {
        const { messageId, subscriptions } = packet;
        const codes = subscriptions.map(({ topic }) => this.behaviour.suback(topic));
        const granted = codes.filter((code) => code !== 'none');
        for (const { topic } of subscriptions.filter((_, index) => Number(codes[index]) < 0x80))
          client.filters.add(topic);
        if (messageId !== undefined && granted.length > 0) send({ cmd: 'suback', messageId, granted });
      }
      if (packet.cmd === 'unsubscribe') {
        for (const topic of packet.unsubscriptions) client.filters.delete(topic);
        send({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted: [0] });
      }
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
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#clients.delete(client);
    });
  }
}
