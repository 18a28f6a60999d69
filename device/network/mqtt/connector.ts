import { connect, type IClientOptions } from 'mqtt';
import type { Clock } from '../../kit/clock.js';
import { BrokerErrors } from './broker-errors.js';
import { type BrokerFeatures, KnownFeatures, withoutRefused } from './broker-features.js';
import { type BrokerUrl, parseBrokerUrl } from './broker-url.js';
import { Connection, mqttVersionOf, type ProtocolVersion } from './connection.js';
import { type ConnectionErrorCode, hex, reasonCodeOf } from './connection-error.js';
import { type Credentials, readCredentials } from './credentials.js';
import { EarlyLosses } from './early-losses.js';
import { makeIntervals } from './interval.js';
import { acceptTooLargePubacks, limitsOf, zeroLimitOf } from './limits.js';
import { MessageIds } from './message-ids.js';
import { MAX_INCOMING_PAYLOAD_BYTES } from './mqtt.js';
import { AcceptedSize } from './sent-messages.js';
import { socketFailureOf } from './socket-failure.js';

export interface BrokerOptions extends Credentials {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. A user name and a password in it replace those of the other options. */
  readonly url: string;
  /** Unique per bin: a broker closes the older of two connections with the same id. */
  readonly clientId: string;
  /** A dead connection is detected after 1.5 times this interval. */
  readonly keepaliveSeconds?: number;
  /** From the first packet to CONNACK. */
  readonly connectDeadlineMs?: number;
  /** The version that is tried first, 5 by default. */
  readonly protocolVersion?: ProtocolVersion;
}

/**
 * The message that the broker publishes if the connection ends without DISCONNECT. It is retained and has QoS 1, if the
 * broker supports that.
 */
export interface Will {
  readonly topic: string;
  readonly payload: string;
}

const DEFAULTS = { keepaliveSeconds: 30, connectDeadlineMs: 10_000 };
/** A broker with MQTT 5 sends no larger packet. The topic and the properties have 64 KiB beside the payload. */
const MAX_INCOMING_PACKET_BYTES = MAX_INCOMING_PAYLOAD_BYTES + 64 * 1024;
/** CONNACK codes: 0x01 unacceptable protocol version (3.1.1), 0x84 unsupported protocol version (5). */
const VERSION_REASONS: readonly number[] = [0x01, 0x84];

acceptTooLargePubacks();

/** Opens connections to one broker, each with a new client. Remembers for some time what the broker supports. */
export class Connector {
  readonly #url: BrokerUrl;
  readonly #errors: BrokerErrors;
  readonly #earlyLosses: EarlyLosses;
  readonly #features: KnownFeatures;
  readonly #acceptedSize: AcceptedSize;

  /** @throws ConnectionError `broker-url-invalid` */
  constructor(
    private readonly options: BrokerOptions,
    private readonly will: Will,
    private readonly clock: Clock,
  ) {
    const { url, clientId, protocolVersion = 5 } = options;
    this.#url = parseBrokerUrl(url);
    this.#errors = new BrokerErrors(this.#url.name, clientId);
    this.#earlyLosses = new EarlyLosses(clientId, clock);
    const all = {
      version: protocolVersion,
      will: { qos: 1, retain: true },
      maximumPacketBytes: null,
    } as const;
    this.#features = new KnownFeatures(all, clock);
    this.#acceptedSize = new AcceptedSize(clock);
  }

  /**
   * Connects with MQTT 5, and with a will that is retained and has QoS 1. If the broker refuses one of them, or closes
   * before CONNACK, connects again without it.
   * @throws ConnectionError, or the signal's reason
   */
  async connect(signal: AbortSignal): Promise<Connection> {
    const known = this.#features.current;
    let features = known;
    for (;;) {
      try {
        const connection = await this.#open(features, signal);
        if (features !== known) this.#features.learn(features);
        this.#learnMaximumPacket(connection);
        return connection;
      } catch (thrown) {
        const fewer = withoutRefused(features, thrown);
        if (!fewer) throw thrown;
        features = fewer;
      }
    }
  }

  /** A broker that announces no maximum would end each connection because of the same message. */
  #learnMaximumPacket(connection: Connection): void {
    connection.closed.addEventListener('abort', () => {
      const { tooLarge } = connection;
      if (tooLarge) this.#features.learn({ maximumPacketBytes: tooLarge.bytes - 1 });
    });
  }

  async #open(features: BrokerFeatures, signal: AbortSignal): Promise<Connection> {
    const options = await this.#clientOptions(features, signal);
    signal.throwIfAborted();
    const { version } = features;
    const client = connect(options);
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
      const fail = (code: ConnectionErrorCode, problem: string, cause?: unknown) =>
        abandon(this.#errors.error(code, problem, { cause, reasonCode: reasonCodeOf(cause) }));

      const onConnect: Parameters<typeof client.on<'connect'>>[1] = (connack) => {
        const zero = zeroLimitOf(connack);
        if (zero !== null)
          return fail('connect-refused', `CONNACK with ${zero} 0, which MQTT forbids. Correct the broker.`);
        const announced = limitsOf(connack);
        const maximumPacketBytes = smaller(announced.maximumPacketBytes, features.maximumPacketBytes);
        const limits = { ...announced, maximumPacketBytes };
        const parts = {
          ...{ client, limits, protocolVersion: version, clock: this.clock },
          ...{ errors: this.#errors, earlyLosses: this.#earlyLosses, acceptedSize: this.#acceptedSize },
        };
        settle(() => resolve(new Connection(parts)));
      };
      const { protocol } = this.#url;
      const isEncrypted = protocol === 'mqtts' || protocol === 'wss';
      let isSecured = false;
      client.stream.once('secureConnect', () => {
        isSecured = true;
      });
      const failSocket = (error: unknown) => {
        const { caFile, client: certificate } = this.options;
        const socket = { isEncrypted, isSecured, caFile, hasClientCertificate: certificate !== undefined };
        fail(...socketFailureOf(error, socket), error);
      };
      let socketError: unknown;
      const onError = (error: Error) => {
        const reasonCode = reasonCodeOf(error);
        if (reasonCode === null) return failSocket(error);
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
          : failSocket(socketError);
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

  async #clientOptions({ version, will }: BrokerFeatures, signal: AbortSignal): Promise<IClientOptions> {
    const { clientId, keepaliveSeconds, connectDeadlineMs } = this.options;
    const { protocol, host, port, path, username, password } = this.#url;
    const isWebSocket = protocol === 'ws' || protocol === 'wss';
    return {
      protocol,
      // mqtt.js makes a URL for a WebSocket, and opens a socket otherwise.
      hostname: isWebSocket && host.includes(':') ? `[${host}]` : host,
      ...(port === null ? {} : { port }),
      ...(isWebSocket ? { path } : {}),
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
      will: { ...this.will, ...will, payload: Buffer.from(this.will.payload) },
      ...(await readCredentials(this.options, signal)),
      ...(username === null ? {} : { username }),
      ...(password === null ? {} : { password }),
    };
  }
}

const smaller = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);
