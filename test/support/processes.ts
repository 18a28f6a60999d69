import { readFileSync } from 'node:fs';

/** Returns a file of /proc, or an empty text if the process has ended. */
const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** Returns the ids of the child processes of a process, by default of this one. */
export const childrenOf = (pid = process.pid): number[] =>
  read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);

/** Returns the child process of a bin that executes the program of the vision process. */
export const visionOf = (pid: number): number | undefined =>
  childrenOf(pid).find((child) => read(`/proc/${child}/cmdline`).includes('vision/child.js'));

/** A zombie has ended too: in a container, perhaps no process waits for it. */
export const isRunning = (pid: number): boolean => {
  const status = read(`/proc/${pid}/status`);
  return status !== '' && !/^State:\s+Z/m.test(status);
};

/** Returns the resident memory of a process in MB. NaN if the process has ended. */
export const residentMb = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? Number.NaN) / 1024;

/** Returns the largest resident memory that a process has had, in MB. NaN if the process has ended. */
export const peakMb = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? Number.NaN) / 1024;

/** Returns the bytes that a process has caused to be written to disk. */
export const writtenBytes = (pid: number): number =>
  Number(/^write_bytes: (\d+)/m.exec(read(`/proc/${pid}/io`))?.[1] ?? Number.NaN);

const TICKS_PER_SECOND = 100;

/** Returns the processor time of a process and its threads, in seconds. */
export const processorSeconds = (pid: number): number => {
  // The name of the program, in brackets, may contain spaces.
  const [, fields = ''] = read(`/proc/${pid}/stat`).split(') ');
  const [userTicks, systemTicks] = fields.split(' ').slice(11, 13).map(Number);
  return ((userTicks ?? Number.NaN) + (systemTicks ?? Number.NaN)) / TICKS_PER_SECOND;
};
