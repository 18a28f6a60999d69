import type { Socket } from 'node:net';
import {
  type IConnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type Packet,
  parser,
  writeToStream,
} from 'mqtt-packet';
import { matchesFilter } from '../../../device/network/mqtt/topic.js';
import type { BrokerBehaviour, RoughBroker } from './rough-broker.js';

/** A packet is longer than its remaining length: the type, and the length itself in 1 to 4 bytes. */
const packetBytesOf = (remaining: number): number =>
  remaining + 2 + [127, 16_383, 2_097_151].filter((limit) => remaining > limit).length;

/** One connection to a RoughBroker. */
export class RoughClient {
  readonly filters = new Set<string>();
  id = '';
  #version: 3 | 4 | 5 = 4;
  #isEnded = false;
  readonly #unacknowledged = new Set<number>();
  /** The PUBACK to be repeated. */
  #late: [messageId: number, reasonCode: number] | null = null;
  readonly #decoder = parser();

  constructor(
    private readonly socket: Socket,
    private readonly broker: RoughBroker,
  ) {
    const { received } = broker;
    this.#decoder.on('packet', (packet) => {
      if (this.#isEnded) return;
      received.push(packet.cmd);
      if (packet.cmd === 'connect') this.#onConnect(packet);
      if (packet.cmd === 'pingreq' && !broker.ignoresPings) this.send({ cmd: 'pingresp' });
      if (packet.cmd === 'disconnect') broker.disconnects.push(packet.reasonCode ?? 0);
      if (packet.cmd === 'subscribe') this.#onSubscribe(packet);
      if (packet.cmd === 'unsubscribe') {
        for (const topic of packet.unsubscriptions) this.filters.delete(topic);
        this.send({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted: [0] });
      }
      if (packet.cmd === 'publish') this.#onPublish(packet);
    });
    socket.on('data', (bytes) => this.#decoder.parse(bytes));
    socket.on('error', () => {});
  }

  send(packet: Packet): void {
    if (this.socket.writable) writeToStream(packet, this.socket, { protocolVersion: this.#version });
  }

  /** Sends a message if a subscription matches. */
  deliver(publish: IPublishPacket): void {
    if ([...this.filters].some((filter) => matchesFilter(filter, publish.topic))) this.send(publish);
  }

  acknowledge(messageId: number, reasonCode: number): void {
    this.#unacknowledged.delete(messageId);
    this.send({ cmd: 'puback', messageId, reasonCode });
  }

  /** Sends DISCONNECT, which exists only in MQTT 5, and closes the connection. Ignores what the client sends after that. */
  disconnect(reasonCode: number): void {
    if (this.#version === 5) this.send({ cmd: 'disconnect', reasonCode });
    this.#isEnded = true;
    this.socket.end();
  }

  #onConnect(packet: IConnectPacket): void {
    const { broker } = this;
    this.#version = packet.protocolVersion ?? 4;
    broker.takeOver(packet.clientId, this);
    this.id = packet.clientId;
    broker.connects.push(packet);
    const accepted = broker.behaviour.accepts(packet);
    // `accepts` may have chosen the refusal.
    const { refusal } = broker.behaviour;
    const code = accepted ? 0 : refusal;
    if (typeof code === 'number') {
      const connack = { cmd: 'connack', sessionPresent: false } as const;
      this.send({
        ...connack,
        ...(this.#version === 5
          ? { reasonCode: code, properties: limitsOf(broker.behaviour) }
          : { returnCode: code }),
      });
    }
    if (!accepted && refusal !== 'silence') this.socket.end();
  }

  #onSubscribe({ messageId, subscriptions }: ISubscribePacket): void {
    const codes = subscriptions.map(({ topic }) => this.broker.behaviour.suback(topic));
    const granted = codes.filter((code) => code !== 'none');
    for (const { topic } of subscriptions.filter((_, index) => Number(codes[index]) < 0x80))
      this.filters.add(topic);
    if (messageId !== undefined && granted.length > 0) this.send({ cmd: 'suback', messageId, granted });
    for (const { topic } of subscriptions) {
      const payload = this.broker.retained(topic);
      if (payload !== undefined)
        this.send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: true });
    }
  }

  #onPublish(publish: IPublishPacket): void {
    const { broker } = this;
    const { messageId } = publish;
    if (messageId !== undefined) this.#unacknowledged.add(messageId);
    const violation = this.#violationOf(publish);
    if (violation !== null) {
      broker.violations.push(violation);
      this.disconnect(violation);
      return;
    }
    broker.publishes.push(publish);
    const answer = broker.behaviour.puback(publish);
    if (typeof answer === 'object') {
      this.disconnect(answer.disconnect);
      return;
    }
    if (messageId !== undefined && answer !== 'none')
      broker.holdOrSend(() => {
        this.acknowledge(messageId, answer);
        if (this.#late) this.acknowledge(...this.#late);
        this.#late = broker.behaviour.doublesAcks ? [messageId, answer] : null;
      });
    if ((answer === 'none' || answer < 0x80) && broker.behaviour.forwards(publish))
      broker.deliver(publish.topic, publish.payload);
  }

  /** Returns the reason code of the DISCONNECT for a publish that a limit of the CONNACK forbids, or null. */
  #violationOf({ qos, retain, length }: IPublishPacket): number | null {
    if (this.#version !== 5) return null;
    const { receiveMaximum, maximumPacketSize, maximumQoS, retainAvailable } = this.broker.behaviour;
    if (maximumPacketSize !== undefined && packetBytesOf(length ?? 0) > maximumPacketSize) return 0x95;
    if (maximumQoS !== undefined && qos > maximumQoS) return 0x9b;
    if (retainAvailable === false && retain) return 0x9a;
    return receiveMaximum !== undefined && this.#unacknowledged.size > receiveMaximum ? 0x93 : null;
  }
}

/** Returns the properties of a CONNACK. One that is undefined must not be present. */
const limitsOf = (behaviour: BrokerBehaviour): object => {
  const { receiveMaximum, maximumPacketSize, maximumQoS, retainAvailable } = behaviour;
  const limits = { receiveMaximum, maximumPacketSize, maximumQoS, retainAvailable };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
};
