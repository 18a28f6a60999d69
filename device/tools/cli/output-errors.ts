import { EXIT } from './failure.js';

/** The reader has gone: `| head` has closed the pipe, or the terminal was closed. */
const isReaderGone = (code: string | undefined, isTerminal: boolean): boolean =>
  code === 'EPIPE' || code === 'ECONNRESET' || (code === 'EIO' && isTerminal);

/**
 * Handles errors of standard output and standard error, for all commands. A reader that has gone changes no exit code.
 * Any other error of standard output, such as a full disk, is printed once, with exit code 74.
 */
export const handleOutputErrors = ({ stdout, stderr }: NodeJS.Process): void => {
  const isTerminal = stdout.isTTY;
  let isReported = false;
  stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (isReported || isReaderGone(code, isTerminal)) return;
    isReported = true;
    process.exitCode ??= EXIT.io;
    stderr.write(
      `sortbin: standard output cannot be written: ${message}. Free space, or use another file.\n`,
    );
  });
  // An error cannot be reported without standard error. The exit code remains.
  stderr.on('error', () => {});
};
