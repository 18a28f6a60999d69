import { messageOf } from '../../kit/errors.js';
import type { ConnectionErrorCode } from './connection-error.js';

/** The connection that failed before CONNACK. */
export interface FailedSocket {
  /** Whether the URL begins with `mqtts://` or `wss://`. */
  readonly isEncrypted: boolean;
  /** Whether the TLS handshake is known to have succeeded. */
  readonly isSecured: boolean;
  readonly caFile: string | undefined;
  readonly hasClientCertificate: boolean;
}

/** Codes of OpenSSL: nothing that Node.js trusts has signed the certificate of the broker. */
const UNTRUSTED = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);
/** Alerts of the broker about the certificate of the client. Before TLS 1.3, a missing one is a handshake failure. */
const CLIENT_CERTIFICATE = /ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)/;
const NO_TLS = 'The port may not use TLS: check the port and the beginning of mqtt.url.';

/** Returns the code and the message of a failure, with a likely cause. */
export const socketFailureOf = (error: unknown, socket: FailedSocket): [ConnectionErrorCode, string] => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = messageOf(error).trim();
  const mayBePlain = socket.isEncrypted && !socket.isSecured;
  // Some brokers reset the connection if they do not support the MQTT version.
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    const problem = `closed the connection before CONNACK (${code})`;
    return ['closed-before-connack', mayBePlain ? `${problem}. ${NO_TLS}` : problem];
  }
  const hint = mayBePlain || CLIENT_CERTIFICATE.test(code) ? hintOf(code, socket) : '';
  return ['broker-unreachable', hint ? `${message}. ${hint}` : message];
};

const hintOf = (code: string, { caFile, hasClientCertificate }: FailedSocket): string => {
  if (UNTRUSTED.has(code))
    return caFile === undefined
      ? 'Set mqtt.ca to the file of the authority that has signed the certificate of this broker.'
      : `mqtt.ca: ${caFile} does not contain the authority of this broker. Use the file of the broker's owner.`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'EPROTO') return NO_TLS;
  if (!CLIENT_CERTIFICATE.test(code)) return '';
  return hasClientCertificate
    ? 'The broker does not accept the certificate in mqtt.cert. Use one that its authority has signed.'
    : 'The broker requires a certificate of the client. Set mqtt.cert and mqtt.key.';
};
