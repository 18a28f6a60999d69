import type { IConnackPacket, IPublishPacket, MqttClient } from 'mqtt';
import type { Clock } from '../../kit/clock.js';
import { DeadlineExceeded, sharedController, withDeadline } from '../../kit/deadline.js';
import {
  ConnectionError,
  type ConnectionErrorCode,
  connectionErrorFrom,
  hex,
  reasonCodeOf,
} from './connection-error.js';

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
/** The receive maximum of a broker that sends none (MQTT 5.0, section 3.2.2.3.3). */
const DEFAULT_RECEIVE_MAXIMUM = 65_535;

/**
 * One connection over one mqtt.js client. The client is never reused: mqtt.js would send the messages in its store
 * again, without the DUP flag. The promises of mqtt.js may never settle, so each wait here has a deadline.
 */
export class Connection {
  /** Each message in flight listens. Their number has its own limits. */
  readonly #closed = sharedController();
  readonly #receiveMaximum: number;
  readonly #waiting: (() => void)[] = [];
  #inFlight = 0;

  constructor(
    private readonly client: MqttClient,
    connack: IConnackPacket,
    readonly protocolVersion: ProtocolVersion,
    private readonly brokerName: string,
    private readonly clock: Clock,
  ) {
    this.#receiveMaximum = connack.properties?.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM;
    const dropAsLost = (cause: string) =>
      this.drop(new ConnectionError('connection-lost', `broker ${brokerName}: connection lost (${cause})`));
    let socketError = 'closed by the broker';
    client.stream.on('error', (error: Error) => {
      socketError = error.message;
    });
    client.on('close', () => dropAsLost(socketError));
    client.on('error', (error) => dropAsLost(error.message));
    client.on('disconnect', ({ reasonCode = 0, properties }) =>
      dropAsLost(`DISCONNECT ${hex(reasonCode)} ${properties?.reasonString ?? ''}`.trimEnd()),
    );
    let packets = 0;
    client.handleMessage = (_packet, handleNext) => {
      packets = (packets + 1) % PACKETS_PER_TURN;
      if (packets > 0) handleNext();
      else setImmediate(handleNext);
    };
    if (!client.connected) dropAsLost(socketError);
  }

  /** Maximum unacknowledged QoS 1 messages that the broker accepts. */
  get receiveMaximum(): number {
    return this.#receiveMaximum;
  }

  /** Aborted when the connection ends for any reason. The abort reason is a ConnectionError. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /**
   * Publishes a message. QoS 1 resolves on PUBACK, QoS 0 when the message is written. Messages are sent in the order of the calls. mqtt.js ignores the
   * broker's receive maximum, so QoS 1 messages above it wait here. A failure does not drop the connection: the caller
   * decides.
   * @param deadlineMs deadline for the PUBACK or the write, from the moment of sending
   * @throws ConnectionError
   */
  publish(topic: string, payload: string | Buffer, delivery: Delivery, deadlineMs: number): Promise<void> {
    const { qos, retain, correlationData } = delivery;
    const options = { qos, retain, ...(correlationData ? { properties: { correlationData } } : {}) };
    const problem = qos > 0 ? `no PUBACK for ${topic}` : `message on ${topic} not sent`;
    const sendNow = () =>
      new Promise<void>((resolve, reject) => {
        this.client.publish(topic, payload, options, (error) => {
          if (qos > 0) this.#release();
          if (error) reject(this.#publishError(topic, error));
          else resolve();
        });
      });
    return new Promise((resolve, reject) => {
      const send = () => void this.#answer(sendNow, deadlineMs, 'no-puback', problem).then(resolve, reject);
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
        this.client.subscribe(filter, { qos: 1 }, (error, _granted, packet) => {
          const reasonCode = Number(packet?.granted[0] ?? 0);
          if (reasonCode >= SUBACK_FAILURE) {
            const message = `broker ${this.brokerName}: subscription to ${filter} refused with ${hex(reasonCode)}`;
            reject(new ConnectionError('subscribe-refused', message, { cause: error }));
          } else if (error) reject(connectionErrorFrom(error));
          else resolve();
        });
      });
    return this.#answer(suback, deadlineMs, 'no-suback', `no SUBACK for ${filter}`);
  }

  /** Ends a subscription. Messages may still arrive until the broker has received the request. */
  unsubscribe(filter: string): void {
    if (!this.closed.aborted) this.client.unsubscribe(filter);
  }

  /** Passes each message from the broker to `listener`, which must not throw. */
  onMessage(listener: (packet: IPublishPacket) => void): void {
    this.client.on('message', (_topic, _payload, packet) => listener(packet));
  }

  /** Closes the connection at once, without DISCONNECT, so that the broker publishes the will. */
  drop(reason: ConnectionError): void {
    if (this.closed.aborted) return;
    this.#closed.abort(reason);
    this.client.end(true);
    for (const send of this.#waiting.splice(0)) send();
  }

  /** Sends DISCONNECT, so that the broker does not publish the will. Destroys the socket after `deadlineMs`. */
  async end(deadlineMs: number): Promise<void> {
    if (this.closed.aborted) return;
    this.#closed.abort(
      new ConnectionError('connection-ended', `broker ${this.brokerName}: connection ended`),
    );
    for (const send of this.#waiting.splice(0)) send();
    // client.end() waits for messages in flight without a deadline, and ignores a second, forced call. Remove them first.
    for (const id of Object.keys(this.client.outgoing)) this.client.removeOutgoingMessage(Number(id));
    const { stream } = this.client;
    const streamClosed = new Promise<void>((resolve) => stream.once('close', resolve));
    this.client.end();
    await withDeadline(this.clock, deadlineMs, () => streamClosed).catch(() => stream.destroy());
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
      await withDeadline(this.clock, deadlineMs, ask, this.closed);
    } catch (thrown) {
      if (!(thrown instanceof DeadlineExceeded)) throw thrown;
      throw new ConnectionError(code, `broker ${this.brokerName}: ${problem} within ${deadlineMs} ms`);
    }
  }

  #acquire(send: () => void): void {
    if (this.#inFlight >= this.#receiveMaximum) {
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

  #publishError(topic: string, error: Error): ConnectionError {
    const reasonCode = reasonCodeOf(error);
    if (reasonCode !== null) {
      const message = `broker ${this.brokerName}: message on ${topic} refused with ${hex(reasonCode)} (${error.message})`;
      return new ConnectionError('publish-refused', message, { cause: error });
    }
    return this.closed.aborted ? this.closed.reason : connectionErrorFrom(error);
  }
}
