import { domainToASCII } from 'node:url';
import { ConnectionError } from './connection-error.js';

/** A broker's URL in parts. */
export interface BrokerUrl {
  /** The URL without credentials and path, for messages. */
  readonly name: string;
  readonly protocol: Protocol;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  /** null: the default port of the protocol. */
  readonly port: number | null;
  /** Path and query of a WebSocket. */
  readonly path: string;
  readonly username: string | null;
  readonly password: string | null;
}

const PROTOCOLS = ['mqtt', 'mqtts', 'ws', 'wss'] as const;
type Protocol = (typeof PROTOCOLS)[number];

/**
 * Parses a URL. mqtt.js would lose the brackets of an IPv6 address, and would cut a password that contains a colon.
 * @throws ConnectionError `broker-url-invalid`. It does not show the URL, which may contain credentials
 */
export const parseBrokerUrl = (text: string): BrokerUrl => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const protocol = PROTOCOLS.find((known) => `${known}:` === url?.protocol);
  if (!url?.hostname || !protocol)
    throw invalid(
      'not the URL of a broker. Use mqtt://, mqtts://, ws:// or wss:// with a host, ' +
        'and a port if it is not the default of the scheme.',
    );
  const isIpv6 = url.hostname.startsWith('[');
  return {
    name: `${url.protocol}//${url.host}`,
    protocol,
    host: isIpv6 ? url.hostname.slice(1, -1) : domainToASCII(url.hostname) || url.hostname,
    port: url.port === '' ? null : Number(url.port),
    path: `${url.pathname}${url.search}`,
    username: decode(url.username),
    password: decode(url.password),
  };
};

/** Returns the decoded text of a part of a URL; null: it is empty. */
const decode = (part: string): string | null => {
  try {
    return decodeURIComponent(part) || null;
  } catch {
    throw invalid(
      'a percent sign in the user name or the password does not begin an escape. Write %25 for it.',
    );
  }
};

const invalid = (problem: string): ConnectionError =>
  new ConnectionError('broker-url-invalid', `mqtt.url: ${problem}`);
