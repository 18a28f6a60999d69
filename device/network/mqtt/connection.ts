import type { IConnackPacket, MqttClient } from 'mqtt';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { ConnectionError, hex, reasonCodeOf } from './connection-error.js';
import type { Delivery } from './topic.js';

export type ProtocolVersion = 4 | 5;

/** Returns the name of a protocol version for people. The protocol level 4 is MQTT 3.1.1. */
export const mqttVersionOf = (version: ProtocolVersion): string => (version === 5 ? '5' : '3.1.1');

/** The receive maximum of a broker that sends none (MQTT 5.0, section 3.2.2.3.3). */
const DEFAULT_RECEIVE_MAXIMUM = 65_535;

/**
 * One connection over one mqtt.js client. The client is never reused: mqtt.js would send the messages in its store
 * again, without the DUP flag. The promises of mqtt.js may never settle, so each wait here has a deadline.
 */
export class Connection {
  readonly #closed = new AbortController();
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
   * Publishes a message. QoS 1 resolves on PUBACK. Messages are sent in the order of the calls. mqtt.js ignores the
   * broker's receive maximum, so QoS 1 messages above it wait here. A failure does not drop the connection: the caller
   * decides.
   * @param deadlineMs deadline for the PUBACK, from the moment of sending
   * @throws ConnectionError
   */
  publish(topic: string, payload: string, delivery: Delivery, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const send = () => {
        if (this.closed.aborted) return reject(this.closed.reason);
        const message = `broker ${this.brokerName}: no PUBACK for ${topic} within ${deadlineMs} ms`;
        const cancel = this.clock.after(deadlineMs, () => reject(new ConnectionError('no-puback', message)));
        this.client.publish(topic, payload, delivery, (error) => {
          cancel();
          if (delivery.qos > 0) this.#release();
          if (error) reject(this.#publishError(topic, error));
          else resolve();
        });
      };
      if (delivery.qos === 0) send();
      else this.#acquire(send);
    });
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
    return this.closed.aborted
      ? this.closed.reason
      : new ConnectionError('connection-lost', messageOf(error), { cause: error });
  }
}
