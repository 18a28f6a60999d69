import type { Logger } from 'pino';
import type { BinEvent } from '../../cycle/event.js';
import type { Journalled } from '../../cycle/runner.js';
import type { DaemonObserver, StartupInfo } from '../../daemon/daemon.js';
import type { Fault } from '../../kit/errors.js';
import type { VisionInfo } from '../../perception/vision/vision.js';

/** Tells what happens by lines of the log: the message is for people, the fields are for programs. */
export class LogObserver implements DaemonObserver {
  constructor(private readonly log: Logger) {}

  started({ active: served, url, embedded, topics, journal }: StartupInfo): void {
    const { log } = this;
    this.runtimeChanged(served);
    const { protocol, hostname, host, port } = new URL(url);
    if (embedded && embedded.requestedPort !== 0 && embedded.port !== embedded.requestedPort)
      log.warn(
        `port ${embedded.requestedPort} is taken by another program: the broker listens on ${embedded.port}`,
      );
    log.info(`broker   ${protocol}//${host}${embedded ? ' (embedded)' : ''}`);
    log.info(`topics   ${topics}/availability, info, state, event`);
    if (embedded) log.info(`watch    npx mqtt sub -h ${hostname} -p ${port} -v -t '${topics}/#'`);
    log.info(`journal  ${journal}`);
  }

  runtimeChanged({ model, runtime, title, skipped }: VisionInfo): void {
    const threads = `${runtime.threads} thread${runtime.threads === 1 ? '' : 's'}`;
    this.log.info(`model    ${model.name} ${model.version} on ${title} (${runtime.backend}, ${threads})`);
    for (const { runtime: name, why } of skipped) this.log.info(`         not on ${name}: ${why}`);
  }

  health(part: string, fault: Fault | null): void {
    if (fault) this.log.warn({ part, code: fault.code }, `${part}: ${fault.code}: ${fault.message}`);
    else this.log.info({ part }, `${part}: well again`);
  }

  dropped(count: number): void {
    this.log.error(`the outbox is full (journal.maxOutbox): ${count} events in all were dropped unsent`);
  }

  report(event: BinEvent): void {
    const { seq, outcome, compartment, item } = event;
    const what = outcome === 'emptied' ? `${compartment}` : `item ${item} went to the wrong place`;
    this.log.info({ remark: event }, `${`#${seq}`.padEnd(6)}  ${outcome.padEnd(11)}  ${what}`);
  }

  item({ event, finished }: Journalled): void {
    const { decision, timingsMs, fault, count, seq, outcome } = event;
    const percent = Math.round((decision?.confidence ?? 0) * 100);
    const why = fault?.code ?? (count ? `${count} triggers while busy` : (decision?.reason ?? ''));
    const ownMs = (timingsMs.total ?? 0) - (timingsMs.gateMove ?? 0);
    const columns = [
      `#${seq}`.padEnd(6),
      outcome.padEnd(11),
      (decision?.label ? `${decision.label} ${percent} %` : '').padEnd(17),
      (decision?.compartment ? `-> ${decision.compartment}` : '').padEnd(12),
      why.padEnd(14),
      outcome === 'ignored' ? '' : `${ownMs.toFixed(0).padStart(4)} ms`,
      timingsMs.gateMove === undefined ? '' : `+ gate ${timingsMs.gateMove.toFixed(0)} ms`,
      finished.item.frame?.name ?? '',
    ];
    this.log.info({ item: event }, columns.join('  ').trimEnd());
  }
}
