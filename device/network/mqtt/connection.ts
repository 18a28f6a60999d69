import type { IConnackPacket, MqttClient } from 'mqtt';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { messageOf } from '../../kit/errors.js';
import { ConnectionError, hex, reasonCodeOf } from './connection-error.js';
import type { Delivery } from './topic.js';

export type ProtocolVersion = 4 | 5;

/** What a broker may be sent unacknowledged where it names no limit (MQTT 5.0, 3.2.2.3.3). */
const RECEIVE_MAXIMUM = 65_535;

/**
 * One connection, over one mqtt.js client that is never used again: mqtt.js sends what an old connection left in its
 * store a second time, without DUP. Its promises alone would wait for ever; here each wait has an end.
 */
export class Connection {
  readonly #over = new AbortController();
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
    this.#receiveMaximum = connack.properties?.receiveMaximum ?? RECEIVE_MAXIMUM;
    const lost = (how: string) =>
      this.drop(new ConnectionError('connection-lost', `connection to ${brokerName} lost: ${how}`));
    let socketError = 'closed by the other side';
    client.stream.on('error', (error: Error) => {
      socketError = error.message;
    });
    client.on('close', () => lost(socketError));
    client.on('error', (error) => lost(error.message));
    client.on('disconnect', ({ reasonCode = 0, properties }) =>
      lost(`DISCONNECT ${hex(reasonCode)} ${properties?.reasonString ?? ''}`.trimEnd()),
    );
    if (!client.connected) lost(socketError);
  }

  /** How many QoS 1 messages the broker takes before it has acknowledged one. */
  get receiveMaximum(): number {
    return this.#receiveMaximum;
  }

  /** Aborted when the connection is over, however that came; its reason is a ConnectionError. */
  get closed(): AbortSignal {
    return this.#over.signal;
  }

  /**
   * QoS 1: resolves on PUBACK. Messages leave in the order of the calls, never more of them unacknowledged than the
   * broker's receive maximum (mqtt.js ignores it). Does not drop the connection on failure: the caller decides.
   * @param deadlineMs from the moment of sending
   * @throws ConnectionError
   */
  publish(topic: string, payload: string, delivery: Delivery, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const send = () => {
        if (this.closed.aborted) return reject(this.closed.reason);
        const noPuback = `no PUBACK for ${topic} from ${this.brokerName} within ${deadlineMs} ms`;
        const cancel = this.clock.after(deadlineMs, () => reject(new ConnectionError('no-puback', noPuback)));
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

  /** Throws the connection away at once, without DISCONNECT: the broker publishes the will. */
  drop(why: ConnectionError): void {
    if (this.closed.aborted) return;
    this.#over.abort(why);
    this.client.end(true);
    for (const send of this.#waiting.splice(0)) send();
  }

  /** Says DISCONNECT, so that the will is not published, and goes; by force when that takes longer than `deadlineMs`. */
  async end(deadlineMs: number): Promise<void> {
    if (this.closed.aborted) return;
    this.#over.abort(new ConnectionError('connection-ended', `connection to ${this.brokerName} ended`));
    for (const send of this.#waiting.splice(0)) send();
    // end() waits for what is in flight without a limit, and a second, forced end() is ignored: so forget it first.
    for (const id of Object.keys(this.client.outgoing)) this.client.removeOutgoingMessage(Number(id));
    const { stream } = this.client;
    const gone = new Promise<void>((resolve) => stream.once('close', resolve));
    this.client.end();
    await withDeadline(this.clock, deadlineMs, () => gone).catch(() => stream.destroy());
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
    const reason = reasonCodeOf(error);
    if (reason !== null) {
      const message = `${this.brokerName} refused a message on ${topic}: ${error.message} (${hex(reason)})`;
      return new ConnectionError('publish-refused', message, { cause: error });
    }
    return this.closed.aborted
      ? this.closed.reason
      : new ConnectionError('connection-lost', messageOf(error), { cause: error });
  }
}
