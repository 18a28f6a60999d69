import type { Logger } from 'pino';
import type { Clock } from '../kit/clock.js';
import { sharedController, sleep } from '../kit/deadline.js';
import type { Service } from '../kit/service.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import type { StatsMessage } from '../status/stats-message.js';

const PERIOD_MS = 60_000;
/** Messages in a row after which the connection was lost, before a pause. */
const MAX_LOSSES = 5;
const PAUSE_MS = 3_600_000;
/** Time in which a broker would close the connection because of a message. */
const SETTLE_MS = 5_000;

export interface StatsPublisherParts {
  readonly collect: () => Promise<StatsMessage>;
  readonly publisher: Pick<Publisher, 'publish' | 'status'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Publishes the topic `stats` each minute, also while the bin is idle. Without a connection, a message is dropped. Some
 * brokers close the connection because of a message that they do not accept. Then they get no more for an hour.
 */
export class StatsPublisher implements Service {
  readonly name = 'statistics publisher';
  readonly #stopping = sharedController();

  constructor(private readonly parts: StatsPublisherParts) {}

  async start(): Promise<void> {
    void this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the daemon is stopping'));
  }

  async #run(signal: AbortSignal): Promise<void> {
    let losses = 0;
    let waitMs = PERIOD_MS;
    while (await this.#sleep(waitMs, signal)) {
      const isLost = await this.#publish(signal);
      losses = isLost ? losses + 1 : 0;
      waitMs = losses === MAX_LOSSES ? PAUSE_MS : PERIOD_MS - SETTLE_MS;
      if (losses === MAX_LOSSES) {
        losses = 0;
        this.parts.log.warn({ part: 'broker' }, PAUSED);
      }
    }
  }

  /** Returns whether the connection was lost after the message. */
  async #publish(signal: AbortSignal): Promise<boolean> {
    const { publisher, collect } = this.parts;
    const message = await collect();
    const before = publisher.status();
    await publisher.publish('stats', message, { qos: 0 });
    if (!(await this.#sleep(SETTLE_MS, signal))) return false;
    const after = publisher.status();
    return before.connected && !(after.connected && after.connections === before.connections);
  }

  /** Returns whether the service still runs. */
  async #sleep(delayMs: number, signal: AbortSignal): Promise<boolean> {
    await sleep(this.parts.clock, delayMs, signal).catch(() => {});
    return !signal.aborted;
  }
}

const PAUSED =
  'no statistics for an hour: the connection was lost after each of the last 5. ' +
  'Allow the topic "stats" in the access rules of the broker.';
