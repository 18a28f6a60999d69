import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { IConnectPacket, IPublishPacket } from 'mqtt-packet';
import { RoughClient } from './rough-client.js';

export interface BrokerBehaviour {
  /** Returns whether it answers this CONNECT with CONNACK 0. Otherwise `refusal` applies. By default it accepts all. */
  accepts(connect: IConnectPacket): boolean;
  /** `silence`, `close`, or the reason code of the CONNACK that precedes the close. */
  refusal: 'silence' | 'close' | number;
  /** Limits in the CONNACK of MQTT 5. A publish that violates one ends the connection with DISCONNECT. */
  receiveMaximum?: number;
  maximumPacketSize?: number;
  maximumQoS?: 0 | 1;
  retainAvailable?: boolean;
  /**
   * Returns the reason code of the PUBACK, `none` for no PUBACK, or the reason code of a DISCONNECT that ends the
   * connection instead. MQTT 3.1.1 has neither reason code.
   */
  puback(publish: IPublishPacket): number | 'none' | { readonly disconnect: number };
  /** Sends each PUBACK a second time, after the PUBACK of the next message. */
  doublesAcks?: boolean;
  /** Returns whether subscribers receive a message. False for an ACL that drops it. By default they receive all. */
  forwards(publish: IPublishPacket): boolean;
  /** Returns the reason code of the SUBACK, or `none` for no SUBACK. */
  suback(filter: string): number | 'none';
}

/** A broker for one bin that can violate the protocol. It takes over the connection of an older client with the same id. */
export class RoughBroker {
  readonly connects: IConnectPacket[] = [];
  readonly publishes: IPublishPacket[] = [];
  readonly disconnects: number[] = [];
  /** Reason codes of the limits that the client violated. */
  readonly violations: number[] = [];
  /** Every packet that it received, by its kind. */
  readonly received: string[] = [];
  behaviour: BrokerBehaviour = {
    accepts: () => true,
    refusal: 'silence',
    puback: () => 0,
    forwards: () => true,
    suback: () => 1,
  };
  port = 0;
  /** Answers no PINGREQ. */
  ignoresPings = false;
  /** Maximum number of publishes without a PUBACK at one time. Only counted while PUBACKs are held. */
  mostUnacknowledged = 0;
  #held: (() => void)[] | null = null;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Set<RoughClient>();
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
    for (const client of this.#clients) client.deliver(publish);
  }

  /** Sends DISCONNECT with a reason code to each client, and closes its connection. */
  disconnect(reasonCode: number): void {
    for (const client of this.#clients) client.disconnect(reasonCode);
  }

  /** Sends a PUBACK for a packet id, which may be a late repetition. */
  acknowledge(messageId: number, reasonCode = 0): void {
    for (const client of this.#clients) client.acknowledge(messageId, reasonCode);
  }

  /** Ends the other connection of a client id, as MQTT demands. */
  takeOver(clientId: string, by: RoughClient): void {
    for (const client of this.#clients) if (client !== by && client.id === clientId) client.disconnect(0x8e);
  }

  /** Holds all PUBACKs back from now on. `releaseAcks` sends those that are held. */
  holdAcks(): void {
    this.#held ??= [];
  }

  /** Sends a PUBACK now, or when the held ones are released. */
  holdOrSend(ack: () => void): void {
    if (this.#held === null) ack();
    else this.#held.push(ack);
    this.mostUnacknowledged = Math.max(this.mostUnacknowledged, this.heldAcks);
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
    const client = new RoughClient(socket, this);
    this.#sockets.add(socket);
    this.#clients.add(client);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#clients.delete(client);
    });
  }
}
