import { Command } from 'commander';
import type { Logger } from 'pino';
import { Daemon } from '../../daemon/daemon.js';
import { packageVersion } from '../../kit/root.js';
import { EXIT, fail } from './failure.js';
import { readConfig } from './loaded-config.js';
import { openLog } from './log.js';
import { LogObserver } from './log-observer.js';

/** How long a stop may take before the process ends without it. */
const STOP_MS = 1_900;

export const runCommand = (): Command =>
  new Command('run')
    .description('run the bin')
    .option('-c, --config <file>', 'configuration (default: sortbin.yaml where there is one)')
    .action(async ({ config: file }: { config?: string }) => {
      const warnings: string[] = [];
      const setting = await readConfig(file, (warning) => warnings.push(warning));
      const log = await openLog(setting.config.log);
      for (const warning of warnings) log.warn(warning);
      log.info(
        `sortbin  ${packageVersion()}, bin "${setting.config.bin.id}", configuration: ${setting.source}`,
      );
      const stopping = new AbortController();
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort(signal));
      const daemon = await Daemon.start({ ...setting, log }, new LogObserver(log));
      guard(daemon, log);
      const stop = () => void end(daemon, log, String(stopping.signal.reason));
      if (stopping.signal.aborted) stop();
      else stopping.signal.addEventListener('abort', stop, { once: true });
    });

const end = async (daemon: Daemon, log: Logger, why: string): Promise<void> => {
  log.info(`${why}: stopping`);
  setTimeout(() => {
    log.error(`not stopped within ${STOP_MS} ms: ending`);
    process.exit(EXIT.software);
  }, STOP_MS).unref();
  await daemon.stop();
  log.info('stopped');
  process.exit(process.exitCode ?? 0);
};

/** What nobody caught: the gate is made safe, and the service manager starts the bin afresh. */
const guard = (daemon: Daemon, log: Logger): void => {
  for (const kind of ['uncaughtException', 'unhandledRejection'] as const)
    process.once(kind, (error: unknown) => {
      log.fatal({ err: error }, kind);
      fail(error);
      void end(daemon, log, kind);
    });
};
