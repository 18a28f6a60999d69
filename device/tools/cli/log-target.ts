import { spawn } from 'node:child_process';
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { ownProcessGroup } from '../../kit/process-group.js';

export type StandardOutput = typeof process.stdout | typeof process.stderr;

/** Where the lines of a log go. */
export interface LogTarget {
  /** Writes what the output accepts now, and returns the number of bytes. Never waits. Throws if the output fails. */
  write(bytes: Buffer): number;
  /** Returns whether all bytes that `write` has accepted are written. */
  isWritten(): boolean;
  /** Ends a helper process, which has written all bytes when it exits. */
  end?(): void;
}

/** Opens a standard output so that a write never blocks. */
export const openTarget = (output: StandardOutput): LogTarget => {
  const { fd } = output;
  if (output instanceof Socket && !isatty(fd)) return streamTarget(output);
  const info = fstatSync(fd);
  if (!info.isCharacterDevice() && !info.isSocket()) return fileTarget(fd);
  const own = info.isSocket() ? null : openWithoutBlocking(fd);
  return own === null ? helperTarget(fd) : fileTarget(own);
};

/** For a pipe or a socket. On a terminal, the stream of Node would block. */
const streamTarget = (stream: Writable): LogTarget => ({
  write: (bytes) => {
    // The reader has closed the pipe, so that no line can be read any more.
    if (stream.destroyed) return bytes.length;
    if (stream.writableLength > 0) return 0;
    stream.write(bytes);
    return bytes.length;
  },
  isWritten: () => stream.destroyed || stream.writableLength === 0,
});

const fileTarget = (fd: number): LogTarget => ({
  write: (bytes) => writeSync(fd, bytes),
  isWritten: () => true,
});

/**
 * Opens a terminal a second time, because O_NONBLOCK would otherwise affect all programs that use it. `/dev/tty` serves
 * for a terminal that belongs to another user. Returns null if neither is permitted.
 */
const openWithoutBlocking = (fd: number): number | null => {
  for (const path of [`/proc/self/fd/${fd}`, ...(isatty(fd) ? ['/dev/tty'] : [])]) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch {
      // Not permitted.
    }
  }
  return null;
};

/**
 * Lets a process write that may block instead of this one: on the terminal of another user after `su -c`, or on a datagram
 * socket. It is detached, so that Ctrl-C does not end it before the last line, and it ends with this process.
 */
const helperTarget = (fd: number): LogTarget => {
  const helper = spawn('cat', { stdio: ['pipe', fd, 'ignore'], detached: true });
  ownProcessGroup(helper);
  const stdin = helper.stdin as Socket;
  helper.unref();
  stdin.unref();
  let hasEnded = false;
  const setEnded = () => {
    hasEnded = true;
  };
  helper.on('error', setEnded).on('exit', setEnded);
  stdin.on('error', () => {}); // the helper has ended
  return { ...streamTarget(stdin), isWritten: () => hasEnded, end: () => stdin.end() };
};
