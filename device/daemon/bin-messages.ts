import type { Logger } from 'pino';
import type { BinEvent } from '../cycle/event.js';
import type { Observer } from '../cycle/observer.js';
import type { Journal, JournalCounters } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import { withDeadline } from '../kit/deadline.js';
import type { Service } from '../kit/service.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import { Latency } from '../status/latency.js';
import type { MachineReport } from '../status/machine-report.js';
import { modeOf } from '../status/mode.js';
import { type StatsMessage, statsMessage } from '../status/stats-message.js';
import type { Status } from '../status/status.js';
import { FaultPublisher } from './fault-publisher.js';
import { StatePublisher } from './state-publisher.js';
import { StatsPublisher } from './stats-publisher.js';

export interface BinMessagesParts {
  readonly status: Pick<Status, 'snapshot'>;
  readonly journal: Pick<Journal, 'saveState' | 'loadState' | 'counters'>;
  readonly publisher: Pick<Publisher, 'retain' | 'publish' | 'status'>;
  /** Returns the newest readings of the machine. */
  readonly machine: () => MachineReport;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Deadline for the journal in a message that does not need it. */
const COUNTERS_MS = 1_000;

/** Returns the counters of the journal, or null if it gives no answer soon. */
export const countersSoon = (
  journal: Pick<Journal, 'counters'>,
  clock: Clock,
): Promise<JournalCounters | null> =>
  withDeadline(clock, COUNTERS_MS, () => journal.counters()).catch(() => null);

/** Publishes the topics `state`, `stats` and `fault/<code>`. */
export class BinMessages implements Observer, Service {
  readonly name = 'messages';
  readonly latency = new Latency();
  readonly #state: StatePublisher;
  readonly #stats: StatsPublisher;
  readonly #startedAtMs: number;

  private constructor(
    private readonly parts: BinMessagesParts,
    private readonly faults: FaultPublisher,
  ) {
    const { status, publisher, clock, log } = parts;
    this.#startedAtMs = clock.monotonicMs();
    this.#state = new StatePublisher(status, publisher, clock);
    this.#stats = new StatsPublisher({ collect: () => this.#collect(), publisher, clock, log });
  }

  /** Sets the retained messages. Call it before the publisher starts, which removes those that are not set. */
  static async open(parts: BinMessagesParts): Promise<BinMessages> {
    const { journal, publisher, clock } = parts;
    return new BinMessages(parts, await FaultPublisher.open(journal, publisher, clock));
  }

  async start(): Promise<void> {
    await this.#stats.start();
  }

  async stop(): Promise<void> {
    await this.#stats.stop();
    this.#state.flush();
  }

  event(event: BinEvent): void {
    this.latency.event(event);
  }

  /** Call it after each change of the status. */
  changed(): void {
    this.#state.changed();
    const state = this.parts.status.snapshot();
    this.faults.update(state.faults, { isStarting: modeOf(state) === 'starting' });
  }

  async #collect(): Promise<StatsMessage> {
    const { status, journal, publisher, machine, clock } = this.parts;
    return statsMessage({
      state: status.snapshot(),
      uptimeMs: clock.monotonicMs() - this.#startedAtMs,
      rssBytes: process.memoryUsage.rss(),
      connections: publisher.status().connections,
      journal: await countersSoon(journal, clock),
      latency: this.latency.steps(),
      machine: machine(),
    });
  }
}
