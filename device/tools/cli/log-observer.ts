import type { Logger } from 'pino';
import type { BinEvent } from '../../cycle/event.js';
import type { Journalled } from '../../cycle/runner.js';
import type { DaemonObserver, StartupInfo } from '../../daemon/daemon.js';
import type { Fault } from '../../kit/errors.js';
import type { VisionInfo } from '../../perception/vision/vision.js';
import { ITEM_LINES, LINES, REPORT_LINES, writeLine } from './log.js';

/** Logs the events of the daemon. */
export class LogObserver implements DaemonObserver {
  constructor(private readonly log: Logger) {}

  started({ active, url, embedded, topics, journal }: StartupInfo): void {
    const { log } = this;
    this.runtimeChanged(active);
    if (embedded && embedded.requestedPort !== 0 && embedded.port !== embedded.requestedPort)
      writeLine(log, 'warn', LINES.portInUse, { requestedPort: embedded.requestedPort, port: embedded.port });
    // Without the user name and the password that the URL may contain.
    const { protocol, hostname, host, port } = new URL(url);
    writeLine(log, 'info', LINES.broker, { url: `${protocol}//${host}`, embedded: embedded !== null });
    writeLine(log, 'info', LINES.topics, {
      topics: [`${topics}/availability`, `${topics}/info`, `${topics}/state`, `${topics}/event`],
    });
    if (embedded) {
      const command = `npx mqtt sub -h ${hostname} -p ${port} -v -t '${topics}/#'`;
      writeLine(log, 'info', LINES.watch, { command });
    }
    writeLine(log, 'info', LINES.journal, { path: journal });
  }

  runtimeChanged({ model, runtime, title, skipped }: VisionInfo): void {
    writeLine(this.log, 'info', LINES.runtime, { model, runtime, title });
    for (const one of skipped) writeLine(this.log, 'info', LINES.skipped, { skipped: one });
  }

  health(part: string, fault: Fault | null): void {
    if (fault)
      this.log.warn(
        { part, code: fault.code, message: fault.message },
        `${part}: ${fault.code}: ${fault.message}`,
      );
    else this.log.info({ part }, `${part}: recovered`);
  }

  dropped(count: number): void {
    writeLine(this.log, 'error', LINES.dropped, { dropped: count });
  }

  report(event: BinEvent): void {
    const line = event.outcome === 'emptied' ? REPORT_LINES.emptied : REPORT_LINES.disputed;
    writeLine(this.log, 'info', line, { remark: event });
  }

  item({ event, finished }: Journalled): void {
    writeLine(this.log, 'info', ITEM_LINES[finished.outcome], {
      item: event,
      image: finished.item.frame?.name,
    });
  }
}
