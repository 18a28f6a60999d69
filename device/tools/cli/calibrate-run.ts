import { constants } from 'node:os';
import { CalibrateError, type CalibrateErrorCode } from '../calibrate/calibrate.js';
import { EXIT, InterruptedError, reportError } from './failure.js';

// What all commands of sortbin calibrate need, and sortbin setup.

const EXIT_OF: Readonly<Record<CalibrateErrorCode, number>> = {
  'calibrate-nothing': EXIT.configuration,
  'calibrate-no-terminal': EXIT.input,
  'calibrate-busy': EXIT.unavailable,
  'calibrate-line': EXIT.unavailable,
  'calibrate-camera': EXIT.unavailable,
  'calibrate-file': EXIT.cannotCreate,
};

/** Returns a controller that is aborted by a signal that ends the process, and when standard output is closed. */
export const abortOnStop = (): AbortController => {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new InterruptedError(128 + constants.signals[signal])));
  process.stdout.on('error', () => stop.abort(new InterruptedError()));
  // A terminal that was closed reports an error when its mode is changed.
  if (process.stdin.isTTY) process.stdin.on('error', () => stop.abort(new InterruptedError(129)));
  return stop;
};

/** Reports an error of `work`. A CalibrateError sets its own exit code. */
export const withExitCode = async (work: Promise<void>): Promise<void> => {
  try {
    await work;
  } catch (thrown) {
    reportError(thrown);
    if (thrown instanceof CalibrateError) process.exitCode = EXIT_OF[thrown.code];
  }
};
