import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { type IClientOptions, type IConnackPacket, type MqttClient, connect as mqttConnect } from 'mqtt';
import { generate, type Packet, parser } from 'mqtt-packet';
import type { Clock } from '../../../device/kit/clock.js';
import { SystemClock } from '../../../device/kit/clock.js';
import {
  type EmbeddedBrokerOptions,
  startEmbeddedBroker,
} from '../../../device/network/mqtt/embedded/embedded-broker.js';
import { readableLog } from './publisher-kit.js';

const cleanups: (() => unknown)[] = [];
export const cleanUpLater = (cleanup: () => unknown): void => void cleanups.push(cleanup);
export const cleanUp = async (): Promise<void> => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
};

export const openBroker = async (
  options: Partial<EmbeddedBrokerOptions> = {},
  clock: Clock = new SystemClock(),
) => {
  const { log, lines } = readableLog();
  const broker = await startEmbeddedBroker({ port: 0, ...options }, { clock, log });
  cleanUpLater(() => broker.close());
  return { broker, lines };
};

export interface BrokerClient {
  readonly mqtt: MqttClient;
  readonly received: string[];
  /** Those of `received` that the broker has marked as sent before. */
  readonly repeated: string[];
  readonly sessionPresent: boolean;
}

/** Connects a client of MQTT 3.1.1. `received` has the payloads. */
export const openClient = async (url: string, options: IClientOptions = {}): Promise<BrokerClient> => {
  const mqtt = mqttConnect(url, { protocolVersion: 4, reconnectPeriod: 0, ...options });
  cleanUpLater(() => mqtt.endAsync(true));
  mqtt.on('error', () => {});
  const received: string[] = [];
  const repeated: string[] = [];
  mqtt.on('message', (_topic, payload, { dup }) => {
    received.push(`${payload}`);
    if (dup) repeated.push(`${payload}`);
  });
  const { sessionPresent } = await new Promise<IConnackPacket>((resolve) => mqtt.once('connect', resolve));
  return { mqtt, received, repeated, sessionPresent };
};

/** Resolves when the connection of the client is closed. */
export const closed = (mqtt: MqttClient): Promise<void> =>
  new Promise((resolve) => mqtt.once('close', resolve));

/** A persistent session. */
export const session = (clientId: string): IClientOptions => ({ clean: false, clientId });

/** Subscribes a persistent session to all topics with QoS 1, and disconnects it. */
export const leaveSession = async (url: string, clientId: string): Promise<void> => {
  const { mqtt } = await openClient(url, session(clientId));
  await mqtt.subscribeAsync('#', { qos: 1 });
  await mqtt.endAsync();
};

/** A client of bytes, connected to the port. `packets`: what the broker has sent. */
export const openSocket = async (
  port: number,
): Promise<{ readonly socket: Socket; readonly packets: Packet[] }> => {
  const socket = connectSocket(port, '127.0.0.1');
  cleanUpLater(() => socket.destroy());
  socket.on('error', () => {});
  const packets: Packet[] = [];
  const reader = parser();
  reader.on('packet', (packet) => packets.push(packet));
  socket.on('data', (bytes) => reader.parse(bytes));
  await once(socket, 'connect');
  return { socket, packets };
};

export const connectPacket = (clientId: string, will?: { topic: string; payload: Buffer }): Buffer =>
  generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 0,
    clientId,
    ...(will ? { will: { ...will, qos: 1, retain: true } } : {}),
  });
