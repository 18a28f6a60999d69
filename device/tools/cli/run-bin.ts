import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import { warningText } from '../../config/load.js';
import { Daemon } from '../../daemon/daemon.js';
import { SortbinError } from '../../kit/errors.js';
import { plainLines } from '../../kit/plain-text.js';
import { killProcessGroups } from '../../kit/process-group.js';
import { packageVersion } from '../../kit/root.js';
import { findAccelerators } from '../../perception/inference/edgetpu/accelerator.js';
import { endAhead } from '../../perception/vision/fork.js';
import type { LoadedConfig } from '../../wire/loaded-config.js';
import { EXIT, reportError } from './failure.js';
import { readConfig } from './loaded-config.js';
import { openLog } from './log.js';
import { LINES, writeLine } from './log-lines.js';
import { LogObserver } from './log-observer.js';
import { LogOutput } from './log-output.js';

/** The import rules keep koffi out of this process. Only its end needs it, and loads it then. */
const load = createRequire(import.meta.url);

/** Deadline for a stop. When it expires, the process exits. */
const STOP_MS = 1_800;

/** Time for the last lines of the log to be written. A stop takes at most 2 s with it. */
const FLUSH_MS = 150;

/** The signals that stop the bin, with the exit code of the second one. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Reads the configuration and runs the bin. @throws SortbinError if the configuration is invalid, or the start failed */
export const run = async (file: string | undefined): Promise<void> => {
  const warnings: string[] = [];
  const loaded = await readConfig(file, (source, warning) =>
    warnings.push(warningText(source, warning)),
  ).catch((thrown: unknown) => {
    for (const warning of warnings) process.stderr.write(plainLines(`sortbin: ${warning}\n`));
    throw thrown;
  });
  const log = await openLog(loaded.config.log);
  for (const { newPath, ...warning } of loaded.warnings) {
    const fields = { file: loaded.source, ...warning };
    if (newPath === undefined) log.warn(fields, warningText(loaded.source, warning));
    else writeLine(log, 'warn', LINES.renamed, { ...fields, newPath });
  }
  writeLine(log, 'info', LINES.configured, {
    version: packageVersion(),
    bin: loaded.config.bin.id,
    configuration: loaded.source,
  });
  await runBin({ ...loaded, log });
};

/** Runs the bin until a signal or an internal error stops it, also during its start. Then the process exits. */
const runBin = async (loaded: LoadedConfig): Promise<void> => {
  const { log } = loaded;
  const standardError = new LogOutput(process.stderr);
  const stopping = new AbortController();
  const observer = new LogObserver(log, await expectedlySkipped(loaded));
  const daemon = new Daemon(loaded, {
    observers: { log: observer },
    onAddresses: (info) => observer.addresses(info),
    onFatal: (error) => fail(error, 'internal error'),
  });
  const stop = (reason: string): void => {
    if (stopping.signal.aborted) return;
    stopping.abort(new Error(reason));
    void exitAfter(daemon.stop(), log);
    writeLine(log, 'info', LINES.stopping, { reason });
  };
  /** The service manager restarts the bin. A log that fails does not prevent the stop. */
  const fail = (error: unknown, kind: string): void => {
    if (stopping.signal.aborted) return;
    process.exitCode = EXIT.software;
    stop(kind);
    log.error({ err: error, kind }, 'internal error, the bin stops');
    reportError(error, (text) => standardError.write(text));
    // The cause of an unexpected error is in the program, even if the system reports it.
    if (!(error instanceof SortbinError)) process.exitCode = EXIT.software;
  };
  for (const kind of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(kind, (error: unknown) => fail(error, kind));
  for (const [signal, code] of Object.entries(SIGNALS))
    process.on(signal, () => {
      if (!stopping.signal.aborted) return stop(signal);
      void exit(code, log, () => writeLine(log, 'warn', LINES.stopForced, { reason: signal }));
    });
  try {
    await daemon.start(stopping.signal);
  } catch (error) {
    // `stop` has logged the reason of an aborted start, and ends the process.
    if (!stopping.signal.aborted) throw error;
  }
};

/** Without an accelerator, `vision.runtime: auto` skips its runtime on every start. `sortbin doctor` shows why. */
const expectedlySkipped = async ({ config: { vision } }: LoadedConfig): Promise<string[]> => {
  const isAuto = vision.driver === 'child' && vision.runtime === 'auto';
  return isAuto && (await findAccelerators()).length === 0 ? ['edgetpu'] : [];
};

const exitAfter = async (stopped: Promise<void>, log: Logger): Promise<void> => {
  const late = () => writeLine(log, 'error', LINES.stopTimedOut, { deadlineMs: STOP_MS });
  setTimeout(() => void exit(EXIT.software, log, late), STOP_MS).unref();
  await stopped;
  await exit(process.exitCode ?? 0, log, () => log.info('stopped'));
};

/** Exits after the last line of the log. Waits a short time only for a log that cannot be written. */
const exit = async (code: number | string, log: Logger, writeLast: () => void): Promise<void> => {
  try {
    writeLast();
    const flushed = new Promise<void>((resolve) => log.flush(() => resolve()));
    await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, FLUSH_MS))]);
  } finally {
    endAhead();
    killProcessGroups();
    endProcess(Number(code));
  }
};

/**
 * Ends the process with `_exit` of the C library. `process.exit` waits for the journal's thread, and Node aborts if that
 * thread is inside SQLite. The journal survives the end of the process at any moment.
 */
const endProcess = (code: number): void => {
  try {
    load('koffi').load(null).func('void _exit(int)')(code);
  } finally {
    process.exit(code);
  }
};
