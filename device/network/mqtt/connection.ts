import type { IPublishPacket, MqttClient } from 'mqtt';
import type { Clock } from '../../kit/clock.js';
import { DeadlineExceeded, sharedController, withDeadline, within } from '../../kit/deadline.js';
import type { BrokerErrors } from './broker-errors.js';
import {
  ConnectionError,
  type ConnectionErrorCode,
  connectionErrorFrom,
  hex,
  REASON,
  reasonCodeOf,
} from './connection-error.js';
import type { EarlyLosses } from './early-losses.js';
import { type BrokerLimits, packetBytes } from './limits.js';
import { type AcceptedSize, type SentMessage, SentMessages } from './sent-messages.js';

/** How a message is sent. */
export interface Delivery {
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** Only MQTT 5 sends it. */
  readonly correlationData?: Buffer;
}

export type ProtocolVersion = 4 | 5;

/** Returns the name of a protocol version for people. The protocol level 4 is MQTT 3.1.1. */
export const mqttVersionOf = (version: ProtocolVersion): string => (version === 5 ? '5' : '3.1.1');

/** Incoming packets between two turns of the event loop, so that a flood of them leaves time for timers and I/O. */
const PACKETS_PER_TURN = 16;
/** A SUBACK with this reason code or a higher one refuses the subscription. */
const SUBACK_FAILURE = 0x80;

export interface ConnectionParts {
  /** Connected. */
  readonly client: MqttClient;
  readonly limits: BrokerLimits;
  readonly protocolVersion: ProtocolVersion;
  readonly errors: BrokerErrors;
  readonly earlyLosses: EarlyLosses;
  readonly acceptedSize: AcceptedSize;
  readonly clock: Clock;
}

/**
 * One connection over one mqtt.js client. The client is never reused: mqtt.js would send the messages in its store
 * again, without the DUP flag. The promises of mqtt.js may never settle, so each wait here has a deadline.
 */
export class Connection {
  /** What the broker accepts. `publish` respects it. */
  readonly limits: BrokerLimits;
  readonly protocolVersion: ProtocolVersion;
  /** Each message in flight listens. Their number has its own limits. */
  readonly #closed = sharedController();
  readonly #client: MqttClient;
  readonly #sent: SentMessages;
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;
  #tooLarge: SentMessage | null = null;

  constructor(private readonly parts: ConnectionParts) {
    const { client, limits, protocolVersion, errors, earlyLosses, acceptedSize, clock } = parts;
    this.#client = client;
    this.#sent = new SentMessages(acceptedSize);
    this.limits = limits;
    this.protocolVersion = protocolVersion;
    const connectedAtMs = clock.monotonicMs();
    const dropAsLost = (cause: string, isByBroker: boolean) => {
      if (this.closed.aborted) return;
      const explanation = isByBroker ? earlyLosses.add(connectedAtMs) : '';
      this.drop(errors.error('connection-lost', `connection lost (${cause})${explanation}`));
    };
    let socketError = 'closed by the broker';
    client.stream.on('error', (error: Error) => {
      socketError = error.message;
    });
    client.on('close', () => dropAsLost(socketError, true));
    // Only an error of the socket has a text as its code. Others, such as a keepalive timeout, come from mqtt.js.
    client.on('error', (error) => dropAsLost(error.message, reasonCodeOf(error) === null && 'code' in error));
    client.on('disconnect', ({ reasonCode = 0, properties }) => {
      if (reasonCode === REASON.packetTooLarge) this.#tooLarge = this.#sent.tooLarge();
      this.drop(errors.disconnected(reasonCode, properties?.reasonString ?? '', this.#tooLarge));
    });
    let packets = 0;
    client.handleMessage = (_packet, handleNext) => {
      packets = (packets + 1) % PACKETS_PER_TURN;
      if (packets > 0) handleNext();
      else setImmediate(handleNext);
    };
    if (!client.connected) dropAsLost(socketError, true);
  }

  /** Aborted when the connection ends for any reason. The abort reason is a ConnectionError. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** The message that is too large, after a DISCONNECT 0x95. */
  get tooLarge(): SentMessage | null {
    return this.#tooLarge;
  }

  /**
   * Publishes a message. QoS 1 resolves on PUBACK, QoS 0 when the message is written. It is sent at QoS 0, and without
   * retain, if the broker supports nothing else. Messages are sent in the order of the calls. mqtt.js ignores the
   * broker's receive maximum, so QoS 1 messages above it wait here. A failure does not drop the connection: the caller
   * decides.
   * @param deadlineMs deadline for the PUBACK or the write, from the moment of sending
   * @throws ConnectionError. `message-too-large` is thrown only for the message that is too large, also if the broker ends
   * the connection because of it
   */
  publish(topic: string, payload: string | Buffer, delivery: Delivery, deadlineMs: number): Promise<void> {
    const { errors } = this.parts;
    const { maximumQos, maximumPacketBytes, retainAvailable } = this.limits;
    const { correlationData } = delivery;
    const qos = maximumQos === 0 ? 0 : delivery.qos;
    const bytes = packetBytes({ topic, payloadBytes: Buffer.byteLength(payload), qos, correlationData });
    const message = { topic, bytes };
    if (maximumPacketBytes !== null && bytes > maximumPacketBytes)
      return Promise.reject(errors.aboveLimit(message, maximumPacketBytes));
    const retain = delivery.retain && retainAvailable;
    const options = { qos, retain, ...(correlationData ? { properties: { correlationData } } : {}) };
    const problem = qos > 0 ? `no PUBACK for ${topic}` : `message on ${topic} not sent`;
    const sendNow = () =>
      new Promise<void>((resolve, reject) => {
        this.#sent.add(message, qos);
        this.#client.publish(topic, payload, options, (error) => {
          if (qos > 0) {
            this.#sent.remove(message, !error);
            this.#release();
          }
          if (error)
            reject(errors.refusedMessage(message, error, this.#sent.fits(message)) ?? this.#errorFrom(error));
          else resolve();
        });
      });
    return new Promise((resolve, reject) => {
      const send = () =>
        void this.#answer(sendNow, deadlineMs, 'no-puback', problem).then(resolve, (thrown: unknown) =>
          reject(this.#blame(message, thrown)),
        );
      if (qos === 0 || this.closed.aborted) send();
      else this.#acquire(send);
    });
  }

  /**
   * Subscribes to a topic filter at QoS 1. Resolves on SUBACK. A failure does not drop the connection.
   * @throws ConnectionError
   */
  subscribe(filter: string, deadlineMs: number): Promise<void> {
    const suback = () =>
      new Promise<void>((resolve, reject) => {
        this.#client.subscribe(filter, { qos: 1 }, (error, _granted, packet) => {
          const reasonCode = Number(packet?.granted[0] ?? 0);
          if (reasonCode >= SUBACK_FAILURE) {
            const message = `subscription to ${filter} refused with ${hex(reasonCode)}`;
            reject(this.parts.errors.error('subscribe-refused', message, { cause: error, reasonCode }));
          } else if (error) reject(connectionErrorFrom(error));
          else resolve();
        });
      });
    return this.#answer(suback, deadlineMs, 'no-suback', `no SUBACK for ${filter}`);
  }

  /** Ends a subscription. Messages may still arrive until the broker has received the request. */
  unsubscribe(filter: string): void {
    if (!this.closed.aborted) this.#client.unsubscribe(filter);
  }

  /** Passes each message from the broker to `listener`, which must not throw. */
  onMessage(listener: (packet: IPublishPacket) => void): void {
    this.#client.on('message', (_topic, _payload, packet) => listener(packet));
  }

  /** Closes the connection at once, without DISCONNECT, so that the broker publishes the will. */
  drop(reason: ConnectionError): void {
    if (this.closed.aborted) return;
    this.#closed.abort(reason);
    this.#client.end(true);
    for (const send of this.#waiting.splice(0)) send();
  }

  /** Sends DISCONNECT, so that the broker does not publish the will. Destroys the socket after `deadlineMs`. */
  async end(deadlineMs: number): Promise<void> {
    if (this.closed.aborted) return;
    this.#closed.abort(this.parts.errors.error('connection-ended', 'connection ended'));
    for (const send of this.#waiting.splice(0)) send();
    // client.end() waits for messages in flight without a deadline, and ignores a second, forced call. Remove them first.
    for (const id of Object.keys(this.#client.outgoing)) this.#client.removeOutgoingMessage(Number(id));
    const { stream } = this.#client;
    const streamClosed = new Promise<void>((resolve) => stream.once('close', resolve));
    this.#client.end();
    await withDeadline(this.parts.clock, deadlineMs, () => streamClosed).catch(() => stream.destroy());
  }

  /** Waits for the broker until the deadline or the end of the connection. */
  async #answer(
    ask: () => Promise<void>,
    deadlineMs: number,
    code: ConnectionErrorCode,
    problem: string,
  ): Promise<void> {
    this.closed.throwIfAborted();
    try {
      await within(this.parts.clock, deadlineMs, ask(), this.closed);
    } catch (thrown) {
      if (!(thrown instanceof DeadlineExceeded)) throw thrown;
      throw this.parts.errors.error(code, `${problem} within ${deadlineMs} ms`);
    }
  }

  #acquire(send: () => void): void {
    if (this.#inFlight >= this.limits.receiveMaximum) {
      this.#waiting.push(send);
      return;
    }
    this.#inFlight++;
    send();
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#inFlight--;
  }

  #errorFrom(error: Error): ConnectionError {
    return this.closed.aborted ? this.closed.reason : connectionErrorFrom(error);
  }

  /** Only the message that is too large fails with `message-too-large`. The others lost the connection. */
  #blame(message: SentMessage, thrown: unknown): unknown {
    if (!(thrown instanceof ConnectionError) || thrown.code !== 'message-too-large') return thrown;
    if (thrown !== this.closed.reason || message === this.#tooLarge) return thrown;
    return new ConnectionError('connection-lost', thrown.message, thrown);
  }
}
