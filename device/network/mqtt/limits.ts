import { createRequire } from 'node:module';
import type { IConnackPacket } from 'mqtt';
import { REASON } from './connection-error.js';

/** What a broker accepts on one connection. MQTT 3.1.1 announces none of it. */
export interface BrokerLimits {
  /** Maximum unacknowledged QoS 1 messages. */
  readonly receiveMaximum: number;
  /** Maximum size of a packet, with its header; null: unknown. */
  readonly maximumPacketBytes: number | null;
  readonly maximumQos: 0 | 1;
  readonly retainAvailable: boolean;
}

/** The receive maximum of a broker that sends none (MQTT 5.0, section 3.2.2.3.3). */
const DEFAULT_RECEIVE_MAXIMUM = 65_535;

export const limitsOf = ({ properties = {} }: IConnackPacket): BrokerLimits => ({
  receiveMaximum: properties.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM,
  maximumPacketBytes: properties.maximumPacketSize ?? null,
  maximumQos: properties.maximumQoS === 0 ? 0 : 1,
  retainAvailable: properties.retainAvailable ?? true,
});

/** Returns the name of a limit that is 0, which MQTT does not allow, or null. */
export const zeroLimitOf = ({ properties = {} }: IConnackPacket): string | null => {
  if (properties.receiveMaximum === 0) return 'Receive Maximum';
  return properties.maximumPacketSize === 0 ? 'Maximum Packet Size' : null;
};

/** A message as it is sent with MQTT 5. */
export interface Packet {
  readonly topic: string;
  readonly payloadBytes: number;
  readonly qos: 0 | 1;
  readonly correlationData: Buffer | undefined;
}

/** Returns the size of a PUBLISH packet of MQTT 5 (MQTT 5.0, section 3.3). */
export const packetBytes = ({ topic, payloadBytes, qos, correlationData }: Packet): number => {
  const propertyBytes = correlationData ? 3 + correlationData.length : 0;
  const remaining =
    2 +
    Buffer.byteLength(topic) +
    (qos > 0 ? 2 : 0) +
    varintBytes(propertyBytes) +
    propertyBytes +
    payloadBytes;
  return 1 + varintBytes(remaining) + remaining;
};

/** Returns the size of a variable byte integer (MQTT 5.0, section 1.5.5). */
const varintBytes = (value: number): number => {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  return value < 2_097_152 ? 3 : 4;
};

/**
 * Lets mqtt.js accept the reason code 0x95 (packet too large) in a PUBACK. MQTT 5 allows it in a DISCONNECT only, but
 * Mosquitto sends it for a message above its `message_size_limit`. The parser of mqtt.js would end the connection, with an
 * error that does not name the message.
 */
export const acceptTooLargePubacks = (): void => {
  const require = createRequire(import.meta.url);
  // The copy of the parser that mqtt.js uses.
  const constants = createRequire(require.resolve('mqtt'))('mqtt-packet/constants.js');
  constants.MQTT5_PUBACK_PUBREC_CODES[REASON.packetTooLarge] = 'Packet too large';
};
