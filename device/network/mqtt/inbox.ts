import { setImmediate as nextTurn } from 'node:timers/promises';
import type { IPublishPacket } from 'mqtt';
import type { Logger } from 'pino';
import { AutoResetEvent } from '../../kit/auto-reset-event.js';
import type { Clock } from '../../kit/clock.js';
import { MAX_INCOMING_PAYLOAD_BYTES } from './mqtt.js';

const MAX_QUEUED = 64;
/** Interval of the log lines about dropped messages. A flood of messages must not become a flood of lines. */
const DROP_LOG_MS = 60_000;

/**
 * A limited queue of incoming messages. It passes on one message in each turn of the event loop. If messages arrive
 * faster than that, the newest are dropped.
 */
export class Inbox {
  readonly #queue: IPublishPacket[] = [];
  readonly #arrived = new AutoResetEvent();
  #dropped = 0;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  add(packet: IPublishPacket): void {
    const { length } = packet.payload;
    if (length > MAX_INCOMING_PAYLOAD_BYTES) {
      this.#drop(packet, `${length} bytes. The limit is ${MAX_INCOMING_PAYLOAD_BYTES}.`);
    } else if (this.#queue.length >= MAX_QUEUED) {
      this.#drop(packet, `${MAX_QUEUED} messages are waiting`);
    } else {
      this.#queue.push(packet);
      this.#arrived.set();
    }
  }

  /** Passes messages to `deliver`, which must not throw, until the signal is aborted. Then throws its reason. */
  async run(deliver: (packet: IPublishPacket) => void, signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#arrived.wait(signal);
      for (let packet = this.#queue.shift(); packet; packet = this.#queue.shift()) {
        deliver(packet);
        await nextTurn();
        signal.throwIfAborted();
      }
    }
  }

  #drop({ topic }: IPublishPacket, reason: string): void {
    this.#dropped++;
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.#loggedAtMs < DROP_LOG_MS) return;
    this.log.warn(
      { part: 'broker', topic: topic.slice(0, 200), count: this.#dropped },
      `incoming message dropped: ${reason}`,
    );
    this.#loggedAtMs = nowMs;
    this.#dropped = 0;
  }
}
