import { readFile } from 'node:fs/promises';
import { connect, type IClientOptions, UniqueMessageIdProvider } from 'mqtt';
import type { Clock } from '../../kit/clock.js';
import { messageOf } from '../../kit/errors.js';
import { Connection, type ProtocolVersion } from './connection.js';
import { ConnectionError, hex, reasonCodeOf } from './connection-error.js';
import { makeIntervals } from './interval.js';

export interface BrokerOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string;
  /** One per bin: a broker ends the older of two connections with the same. */
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM of the authority that signed the broker's certificate, where the system does not know it. */
  readonly caFile?: string;
  /** A dead link is noticed after 1.5 times this. */
  readonly keepaliveSeconds?: number;
  /** From the first packet to CONNACK. */
  readonly connectDeadlineMs?: number;
  /** Where it is known beforehand; else 5 is tried first. */
  readonly protocolVersion?: ProtocolVersion;
}

/** What the broker says, retained and at QoS 1, when the bin goes without a word. */
export interface Will {
  readonly topic: string;
  readonly payload: string;
}

const SCHEMES = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];
const DEFAULTS = { keepaliveSeconds: 30, connectDeadlineMs: 10_000 };
/** How long 3.1.1 is taken for granted once it was needed: a broker may be upgraded, or have closed for another reason. */
const VERSION_5_AGAIN_MS = 3_600_000;
/** CONNACK: unacceptable protocol version (3.1.1), unsupported protocol version (5). */
const VERSION_REASONS: readonly number[] = [0x01, 0x84];

/** Opens connections to one broker, each with a client of its own, and remembers which MQTT it speaks. */
export class Connector {
  readonly #brokerName: string;
  #version4UntilMs = Number.NEGATIVE_INFINITY;

  /** @throws ConnectionError `broker-url-invalid` */
  constructor(
    private readonly options: BrokerOptions,
    private readonly will: Will,
    private readonly clock: Clock,
  ) {
    const url = URL.canParse(options.url) ? new URL(options.url) : null;
    // mqtt.js takes an unknown scheme for mqtt; and no message may show credentials, so the url is never printed.
    if (!url?.hostname || !SCHEMES.includes(url.protocol)) {
      const message = `the broker's url must be mqtt://, mqtts://, ws:// or wss:// with a host, and a port unless it is the scheme's own`;
      throw new ConnectionError('broker-url-invalid', message);
    }
    this.#brokerName = `${url.protocol}//${url.host}`;
  }

  /**
   * MQTT 5 first; 3.1.1 where the broker refuses 5, or closes on it without a word.
   * @throws ConnectionError, or the signal's reason
   */
  async connect(signal: AbortSignal): Promise<Connection> {
    const { protocolVersion } = this.options;
    if (protocolVersion !== undefined) return this.#open(protocolVersion, signal);
    if (this.clock.monotonicMs() < this.#version4UntilMs) return this.#open(4, signal);
    try {
      return await this.#open(5, signal);
    } catch (thrown) {
      const code = thrown instanceof ConnectionError ? thrown.code : null;
      if (code !== 'version-refused' && code !== 'closed-before-connack') throw thrown;
      const connection = await this.#open(4, signal);
      this.#version4UntilMs = this.clock.monotonicMs() + VERSION_5_AGAIN_MS;
      return connection;
    }
  }

  async #open(version: ProtocolVersion, signal: AbortSignal): Promise<Connection> {
    const options = await this.#clientOptions(version, signal);
    signal.throwIfAborted();
    const client = connect(this.options.url, options);
    const deadlineMs = this.options.connectDeadlineMs ?? DEFAULTS.connectDeadlineMs;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        cancel();
        signal.removeEventListener('abort', onAbort);
        client.off('connect', onConnect);
        client.off('error', onError);
        client.off('close', onClose);
        act();
      };
      const give = (reason: unknown) =>
        settle(() => {
          client.end(true);
          reject(reason);
        });
      const fail = (code: ConnectionError['code'], how: string, cause?: unknown) =>
        give(new ConnectionError(code, `broker ${this.#brokerName}: ${how}`, { cause }));

      const onConnect: Parameters<typeof client.on<'connect'>>[1] = (connack) =>
        settle(() => resolve(new Connection(client, connack, version, this.#brokerName, this.clock)));
      let socketError: unknown;
      const onError = (error: Error) => {
        const reason = reasonCodeOf(error);
        if (reason === null) return fail(...unreachable(error));
        if (VERSION_REASONS.includes(reason))
          return fail('version-refused', `does not speak MQTT ${version} (${hex(reason)})`, error);
        fail('connect-refused', `${error.message} (${hex(reason)})`, error);
      };
      // Without this a socket closed before CONNACK would leave everything waiting.
      const onClose = () =>
        socketError === undefined
          ? fail('closed-before-connack', 'closed the connection before CONNACK')
          : fail('broker-unreachable', messageOf(socketError), socketError);
      const onAbort = () => give(signal.reason);
      const cancel = this.clock.after(deadlineMs, () =>
        fail('connect-timeout', `no CONNACK within ${deadlineMs} ms`),
      );
      signal.addEventListener('abort', onAbort, { once: true });
      // Errors without a code, as those of a WebSocket's handshake, are not passed on by mqtt.js.
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
      messageIdProvider: new UniqueMessageIdProvider(),
      keepalive: keepaliveSeconds ?? DEFAULTS.keepaliveSeconds,
      timerVariant: makeIntervals(this.clock) as IClientOptions['timerVariant'] & object,
      // The deadline above is the one that counts; this one is only mqtt.js' own, and cannot be left out.
      connectTimeout: 2 * (connectDeadlineMs ?? DEFAULTS.connectDeadlineMs),
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
    const message = `CA file ${path} cannot be read: ${messageOf(cause)}; give a PEM file that the daemon may read`;
    throw new ConnectionError('ca-file-unreadable', message, { cause });
  }
};

/** A reset before CONNACK is how some brokers answer a version that they do not know. */
const unreachable = (error: Error & { code?: unknown }): [ConnectionError['code'], string, Error] =>
  error.code === 'ECONNRESET' || error.code === 'EPIPE'
    ? ['closed-before-connack', `closed the connection before CONNACK (${String(error.code)})`, error]
    : ['broker-unreachable', messageOf(error).trim(), error];
