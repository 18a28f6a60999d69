import { Command } from 'commander';
import type { Logger } from 'pino';
import { renamedText } from '../../config/load.js';
import { Daemon } from '../../daemon/daemon.js';
import { packageVersion } from '../../kit/root.js';
import { EXIT, reportError } from './failure.js';
import { CONFIG_OPTION, readConfig } from './loaded-config.js';
import { LINES, openLog, writeLine } from './log.js';
import { LogObserver } from './log-observer.js';

/** Deadline for a stop. When it expires, the process exits. */
const STOP_MS = 1_900;

export const runCommand = (): Command =>
  new Command('run')
    .description('run the bin')
    .option(...CONFIG_OPTION)
    .action(async ({ config: file }: { config?: string }) => {
      const warnings: string[] = [];
      const loaded = await readConfig(file, (source, key) => warnings.push(renamedText(source, key))).catch(
        (thrown: unknown) => {
          for (const warning of warnings) process.stderr.write(`sortbin: ${warning}\n`);
          throw thrown;
        },
      );
      const log = await openLog(loaded.config.log);
      for (const key of loaded.renamed)
        writeLine(log, 'warn', LINES.renamed, { file: loaded.source, ...key });
      writeLine(log, 'info', LINES.configured, {
        version: packageVersion(),
        bin: loaded.config.bin.id,
        configuration: loaded.source,
      });
      const stopping = new AbortController();
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort(signal));
      const daemon = await Daemon.start({ ...loaded, log }, new LogObserver(log));
      stopOnUncaughtError(daemon, log);
      const stop = () => void end(daemon, log, String(stopping.signal.reason));
      if (stopping.signal.aborted) stop();
      else stopping.signal.addEventListener('abort', stop, { once: true });
    });

const end = async (daemon: Daemon, log: Logger, reason: string): Promise<void> => {
  writeLine(log, 'info', LINES.stopping, { reason });
  setTimeout(() => {
    writeLine(log, 'error', LINES.stopTimedOut, { deadlineMs: STOP_MS });
    process.exit(EXIT.software);
  }, STOP_MS).unref();
  await daemon.stop();
  log.info('stopped');
  process.exit(process.exitCode ?? 0);
};

/** Stops the bin after an uncaught error. The gate is made safe, and the service manager restarts the bin. */
const stopOnUncaughtError = (daemon: Daemon, log: Logger): void => {
  for (const kind of ['uncaughtException', 'unhandledRejection'] as const)
    process.once(kind, (error: unknown) => {
      log.fatal({ err: error, kind }, 'uncaught error');
      reportError(error);
      void end(daemon, log, kind);
    });
};
