import { messageOf, SortbinError } from '../../kit/errors.js';

export type ConnectionErrorCode =
  /** The URL in the configuration is not the URL of a broker. */
  | 'broker-url-invalid'
  /** The CA file in the configuration cannot be read. */
  | 'ca-file-unreadable'
  /** The CA file contains no certificate, or a damaged one. */
  | 'ca-file-invalid'
  /** The file with the password cannot be read, is empty or is too large. */
  | 'password-file-unusable'
  /** The client's certificate or key cannot be read, is damaged, or they do not belong together. */
  | 'client-certificate-unusable'
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
  /** The broker sent a PUBACK with a reason code of 0x80 or above that has no code of its own here. */
  | 'publish-refused'
  /** The packet exceeds the broker's limit: it was not sent, or the broker answered with the reason code 0x95. */
  | 'message-too-large'
  /** The access rules of the broker do not allow a message: reason code 0x87 of a PUBACK or DISCONNECT. */
  | 'not-authorised'
  /** Another client has connected with the same client id: DISCONNECT with the reason code 0x8E. */
  | 'session-taken-over'
  /** No SUBACK arrived before the deadline. */
  | 'no-suback'
  /** The broker sent a SUBACK with a reason code of 0x80 or above. */
  | 'subscribe-refused'
  /** This side ended the connection. */
  | 'connection-ended';

export interface ConnectionErrorOptions {
  readonly cause?: unknown;
  readonly reasonCode?: number | null;
}

export class ConnectionError extends SortbinError<ConnectionErrorCode> {
  override readonly name = 'ConnectionError';
  /** The reason code of the CONNACK, PUBACK, SUBACK or DISCONNECT that caused the error; null: there is none. */
  readonly reasonCode: number | null;

  constructor(code: ConnectionErrorCode, message: string, options: ConnectionErrorOptions = {}) {
    const { cause, reasonCode = null } = options;
    super(code, message, { cause });
    this.reasonCode = reasonCode;
  }
}

/** Reason codes of MQTT 5 that this module handles. */
export const REASON = {
  notAuthorised: 0x87,
  sessionTakenOver: 0x8e,
  packetTooLarge: 0x95,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
} as const;

/** Returns a thrown value as a ConnectionError, by default `connection-lost`. */
export const connectionErrorFrom = (thrown: unknown): ConnectionError =>
  thrown instanceof ConnectionError
    ? thrown
    : new ConnectionError('connection-lost', messageOf(thrown), { cause: thrown });

/** Returns whether the broker refuses one message, and accepts others. */
export const isRefusal = ({ code }: ConnectionError): boolean =>
  code === 'publish-refused' || code === 'not-authorised' || code === 'message-too-large';

/** Returns the MQTT reason code of an mqtt.js error. Its `code` is a number for the broker, a string for the socket. */
export const reasonCodeOf = (thrown: unknown): number | null =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' ? thrown.code : null;

export const hex = (reasonCode: number): string => `0x${reasonCode.toString(16).padStart(2, '0')}`;
