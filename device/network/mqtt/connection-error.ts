import { messageOf, SortbinError } from '../../kit/errors.js';

export type ConnectionErrorCode =
  /** The URL in the configuration is not the URL of a broker. */
  | 'broker-url-invalid'
  /** The CA file in the configuration cannot be read. */
  | 'ca-file-unreadable'
  /** The socket or TLS failed. */
  | 'broker-unreachable'
  /** The socket opened, but no CONNACK arrived before the deadline. */
  | 'connect-timeout'
  | 'closed-before-connack'
  /** The broker does not support the version of MQTT. */
  | 'version-refused'
  /** The broker refused the credentials or the client id, or it is overloaded. */
  | 'connect-refused'
  | 'connection-lost'
  /** No PUBACK arrived before the deadline, or a message of QoS 0 could not be written. */
  | 'no-puback'
  /** The broker sent a PUBACK with a reason code of 0x80 or above. */
  | 'publish-refused'
  /** No SUBACK arrived before the deadline. */
  | 'no-suback'
  /** The broker sent a SUBACK with a reason code of 0x80 or above. */
  | 'subscribe-refused'
  /** This side ended the connection. */
  | 'connection-ended';

export class ConnectionError extends SortbinError<ConnectionErrorCode> {
  override readonly name = 'ConnectionError';
}

/** Returns a thrown value as a ConnectionError, by default `connection-lost`. */
export const connectionErrorFrom = (thrown: unknown): ConnectionError =>
  thrown instanceof ConnectionError
    ? thrown
    : new ConnectionError('connection-lost', messageOf(thrown), { cause: thrown });

/** Returns the MQTT reason code of an mqtt.js error. Its `code` is a number for the broker, a string for the socket. */
export const reasonCodeOf = (thrown: unknown): number | null =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' ? thrown.code : null;

export const hex = (reasonCode: number): string => `0x${reasonCode.toString(16).padStart(2, '0')}`;
