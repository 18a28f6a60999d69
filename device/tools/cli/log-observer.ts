import type { Logger } from 'pino';
import type { BinEvent } from '../../cycle/event.js';
import type { Observer, ServedModel } from '../../cycle/observer.js';
import type { Finished, Phase } from '../../cycle/state.js';
import type { StartupInfo } from '../../daemon/daemon.js';
import { TOPICS } from '../../daemon/reference/topics.js';
import { type Clock, SystemClock } from '../../kit/clock.js';
import type { Fault } from '../../kit/errors.js';
import { urlWithoutLogin } from '../../wire/publisher.js';
import { ITEM_LINES, LINES, REPORT_LINES, writeLine } from './log-lines.js';

/** Interval of the lines about dropped events, and of those about undeliverable events. */
const COUNT_EVERY_MS = 60_000;

/** The topics of a bin as MQTT filters. */
const FILTERS = TOPICS.map(({ topic }) => topic.replace(/<.*>/, '+'));

/** Logs the events of the daemon. */
export class LogObserver implements Observer {
  #droppedLoggedAtMs = Number.NEGATIVE_INFINITY;
  #undeliverable = { logged: 0, atMs: 0 };

  constructor(
    private readonly log: Logger,
    /** Runtimes that need hardware which this machine does not have. That they are skipped is no news. */
    private readonly expectedlySkipped: readonly string[] = [],
    private readonly clock: Pick<Clock, 'monotonicMs'> = new SystemClock(),
  ) {}

  /** Logs where a bin that starts can be watched. */
  addresses({ url, embedded, topics, journal }: StartupInfo): void {
    const { log } = this;
    if (embedded && embedded.requestedPort !== 0 && embedded.port !== embedded.requestedPort)
      writeLine(log, 'warn', LINES.portInUse, { requestedPort: embedded.requestedPort, port: embedded.port });
    const { hostname, port } = new URL(url);
    writeLine(log, 'info', LINES.broker, { url: urlWithoutLogin(url), embedded: embedded !== null });
    writeLine(log, 'info', LINES.topics, { topics: FILTERS.map((filter) => `${topics}/${filter}`) });
    if (embedded) {
      const command = `npx mqtt sub -h ${hostname} -p ${port} -v -t '${topics}/#'`;
      writeLine(log, 'info', LINES.watch, { command });
    }
    writeLine(log, 'info', LINES.journal, { path: journal });
  }

  phase(phase: Phase): void {
    this.log.debug(`cycle: ${phase}`);
  }

  served({ info: { model, runtime, title, skipped }, policy, purity }: ServedModel): void {
    const { confidence, margin } = policy;
    writeLine(this.log, 'info', LINES.runtime, { model, runtime, title });
    writeLine(this.log, 'info', LINES.policy, { confidence, margin, purity });
    for (const one of skipped)
      if (!this.expectedlySkipped.includes(one.runtime))
        writeLine(this.log, 'info', LINES.skipped, { skipped: one });
  }

  health(part: string, fault: Fault | null): void {
    if (fault)
      this.log.warn(
        { part, code: fault.code, message: fault.message },
        `${part}: ${fault.code}: ${fault.message}`,
      );
    else this.log.info({ part }, `${part}: recovered`);
  }

  /** A full outbox drops an event for each item, so that a line for each would hide the others. */
  dropped(count: number): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.#droppedLoggedAtMs < COUNT_EVERY_MS) return;
    this.#droppedLoggedAtMs = nowMs;
    writeLine(this.log, 'error', LINES.dropped, { dropped: count });
  }

  /** The fault of the first ones has a line. Only a higher number is logged. */
  undeliverable(count: number): void {
    const { logged, atMs } = this.#undeliverable;
    const nowMs = this.clock.monotonicMs();
    const isNews = logged > 0 && count > logged;
    if (isNews && nowMs - atMs < COUNT_EVERY_MS) return;
    this.#undeliverable = { logged: count, atMs: isNews || logged === 0 ? nowMs : atMs };
    if (isNews) writeLine(this.log, 'error', LINES.undeliverable, { undeliverable: count });
  }

  event(event: BinEvent, finished?: Finished): void {
    const report = REPORT_LINES[event.outcome as keyof typeof REPORT_LINES];
    const line = ITEM_LINES[event.outcome as Finished['outcome']];
    if (report) writeLine(this.log, 'info', report, { remark: event });
    else writeLine(this.log, 'info', line, { item: event, image: finished?.item.frame?.name });
  }
}
