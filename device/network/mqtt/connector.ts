import { readFile } from 'node:fs/promises';
import { connect, type IClientOptions } from 'mqtt';
import type { Clock } from '../../kit/clock.js';
import { messageOf } from '../../kit/errors.js';
import { Connection, mqttVersionOf, type ProtocolVersion } from './connection.js';
import { ConnectionError, hex, reasonCodeOf } from './connection-error.js';
import { makeIntervals } from './interval.js';
import { MessageIds } from './message-ids.js';
import { MAX_INCOMING_PAYLOAD_BYTES } from './mqtt.js';

export interface BrokerOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string;
  /** Unique per bin: a broker closes the older of two connections with the same id. */
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM file of the authority that signed the broker's certificate. Undefined: the authorities of the system. */
  readonly caFile?: string;
  /** A dead connection is detected after 1.5 times this interval. */
  readonly keepaliveSeconds?: number;
  /** From the first packet to CONNACK. */
  readonly connectDeadlineMs?: number;
  /** Undefined: 5 is tried first. */
  readonly protocolVersion?: ProtocolVersion;
}

/** The message that the broker publishes, retained and at QoS 1, if the connection ends without DISCONNECT. */
export interface Will {
  readonly topic: string;
  readonly payload: string;
}

const SCHEMES = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];
const DEFAULTS = { keepaliveSeconds: 30, connectDeadlineMs: 10_000 };
/**
 * Time from a fallback to 3.1.1 to the next try of MQTT 5. The broker may have been upgraded, or it may have closed the
 * connection for another reason.
 */
const VERSION_5_RETRY_MS = 3_600_000;
/** A broker with MQTT 5 sends no larger packet. The topic and the properties have 64 KiB beside the payload. */
const MAX_INCOMING_PACKET_BYTES = MAX_INCOMING_PAYLOAD_BYTES + 64 * 1024;
/** CONNACK codes: 0x01 unacceptable protocol version (3.1.1), 0x84 unsupported protocol version (5). */
const VERSION_REASONS: readonly number[] = [0x01, 0x84];

/** Opens connections to one broker, each with a new client. Remembers which MQTT version the broker supports. */
export class Connector {
  readonly #brokerName: string;
  #useVersion4UntilMs = Number.NEGATIVE_INFINITY;

  /** @throws ConnectionError `broker-url-invalid` */
  constructor(
    private readonly options: BrokerOptions,
    private readonly will: Will,
    private readonly clock: Clock,
  ) {
    const url = URL.canParse(options.url) ? new URL(options.url) : null;
    // mqtt.js treats an unknown scheme as mqtt. The URL may contain credentials, so no message shows it.
    if (!url?.hostname || !SCHEMES.includes(url.protocol)) {
      const message =
        'mqtt.url: not the URL of a broker. Use mqtt://, mqtts://, ws:// or wss:// with a host, ' +
        'and a port if it is not the default of the scheme.';
      throw new ConnectionError('broker-url-invalid', message);
    }
    this.#brokerName = `${url.protocol}//${url.host}`;
  }

  /**
   * Connects with MQTT 5. If the broker refuses 5, or closes before CONNACK, connects with 3.1.1.
   * @throws ConnectionError, or the signal's reason
   */
  async connect(signal: AbortSignal): Promise<Connection> {
    const { protocolVersion } = this.options;
    if (protocolVersion !== undefined) return this.#open(protocolVersion, signal);
    if (this.clock.monotonicMs() < this.#useVersion4UntilMs) return this.#open(4, signal);
    try {
      return await this.#open(5, signal);
    } catch (thrown) {
      const code = thrown instanceof ConnectionError ? thrown.code : null;
      if (code !== 'version-refused' && code !== 'closed-before-connack') throw thrown;
      const connection = await this.#open(4, signal);
      this.#useVersion4UntilMs = this.clock.monotonicMs() + VERSION_5_RETRY_MS;
      return connection;
    }
  }

  async #open(version: ProtocolVersion, signal: AbortSignal): Promise<Connection> {
    const options = await this.#clientOptions(version, signal);
    signal.throwIfAborted();
    const client = connect(this.options.url, options);
    const deadlineMs = this.options.connectDeadlineMs ?? DEFAULTS.connectDeadlineMs;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        cancel();
        signal.removeEventListener('abort', onAbort);
        client.off('connect', onConnect);
        client.off('error', onError);
        client.off('close', onClose);
        finish();
      };
      const abandon = (reason: unknown) =>
        settle(() => {
          client.end(true);
          reject(reason);
        });
      const fail = (code: ConnectionError['code'], problem: string, cause?: unknown) =>
        abandon(new ConnectionError(code, `broker ${this.#brokerName}: ${problem}`, { cause }));

      const onConnect: Parameters<typeof client.on<'connect'>>[1] = (connack) =>
        settle(() => resolve(new Connection(client, connack, version, this.#brokerName, this.clock)));
      let socketError: unknown;
      const onError = (error: Error) => {
        const reasonCode = reasonCodeOf(error);
        if (reasonCode === null) return fail(...socketFailureOf(error));
        if (VERSION_REASONS.includes(reasonCode)) {
          const problem = `does not support MQTT ${mqttVersionOf(version)} (${hex(reasonCode)})`;
          return fail('version-refused', problem, error);
        }
        fail('connect-refused', `${error.message} (${hex(reasonCode)})`, error);
      };
      // Without this listener, a socket that closes before CONNACK would leave the promise pending.
      const onClose = () =>
        socketError === undefined
          ? fail('closed-before-connack', 'closed the connection before CONNACK')
          : fail('broker-unreachable', messageOf(socketError), socketError);
      const onAbort = () => abandon(signal.reason);
      const cancel = this.clock.after(deadlineMs, () =>
        fail('connect-timeout', `no CONNACK within ${deadlineMs} ms`),
      );
      signal.addEventListener('abort', onAbort, { once: true });
      // mqtt.js does not forward stream errors without a code, such as those of a WebSocket handshake.
      client.stream.on('error', (error: Error) => {
        socketError = error;
      });
      client.on('connect', onConnect);
      client.on('error', onError);
      client.on('close', onClose);
    });
  }

  async #clientOptions(version: ProtocolVersion, signal: AbortSignal): Promise<IClientOptions> {
    const { clientId, username, password, caFile, keepaliveSeconds, connectDeadlineMs } = this.options;
    return {
      protocolVersion: version,
      clientId,
      clean: true,
      reconnectPeriod: 0,
      queueQoSZero: false,
      messageIdProvider: new MessageIds(),
      keepalive: keepaliveSeconds ?? DEFAULTS.keepaliveSeconds,
      timerVariant: makeIntervals(this.clock) as IClientOptions['timerVariant'] & object,
      // The deadline in #open ends first. mqtt.js requires a timeout.
      connectTimeout: 2 * (connectDeadlineMs ?? DEFAULTS.connectDeadlineMs),
      ...(version === 5 ? { properties: { maximumPacketSize: MAX_INCOMING_PACKET_BYTES } } : {}),
      will: { ...this.will, payload: Buffer.from(this.will.payload), qos: 1, retain: true },
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(caFile === undefined ? {} : { ca: await readCa(caFile, signal) }),
    };
  }
}

const readCa = async (path: string, signal: AbortSignal): Promise<Buffer> => {
  try {
    return await readFile(path, { signal });
  } catch (cause) {
    const message = `mqtt.ca: cannot read ${path}: ${messageOf(cause)}. Use a PEM file that the daemon can read.`;
    throw new ConnectionError('ca-file-unreadable', message, { cause });
  }
};

/** Some brokers reset the connection if they do not support the MQTT version. */
const socketFailureOf = (error: Error & { code?: unknown }): [ConnectionError['code'], string, Error] =>
  error.code === 'ECONNRESET' || error.code === 'EPIPE'
    ? ['closed-before-connack', `closed the connection before CONNACK (${String(error.code)})`, error]
    : ['broker-unreachable', messageOf(error).trim(), error];
