import { SortbinError } from '../../kit/errors.js';

/**
 * `broker-url-invalid`, `ca-file-unreadable`: the configuration; `broker-unreachable`: no socket, or no TLS;
 * `connect-timeout`: a socket, and no CONNACK; `closed-before-connack`; `version-refused`: MQTT 5 or 3.1.1 is not
 * spoken there; `connect-refused`: credentials, client id, load; `connection-lost`; `no-puback`: the deadline passed;
 * `publish-refused`: PUBACK with a reason of 0x80 or more; `connection-ended`: by this side.
 */
export type ConnectionErrorCode =
  | 'broker-url-invalid'
  | 'ca-file-unreadable'
  | 'broker-unreachable'
  | 'connect-timeout'
  | 'closed-before-connack'
  | 'version-refused'
  | 'connect-refused'
  | 'connection-lost'
  | 'no-puback'
  | 'publish-refused'
  | 'connection-ended';

export class ConnectionError extends SortbinError<ConnectionErrorCode> {
  override readonly name = 'ConnectionError';
}

/** The reason code in an error of mqtt.js: a number where the broker spoke, a string where the socket did. */
export const reasonCodeOf = (thrown: unknown): number | null =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' ? thrown.code : null;

export const hex = (reasonCode: number): string => `0x${reasonCode.toString(16).padStart(2, '0')}`;
