import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import koffi from 'koffi';
import { messageOf, SortbinError } from '../../kit/errors.js';
import type { VisionOptions } from './protocol.js';

/** Size of cpu_set_t in glibc. */
const SET_BYTES = 128;

/**
 * Sets the nice value and the CPU cores of all threads of this process. Threads created later inherit them.
 * @throws SortbinError `vision-scheduling` if a core does not exist
 */
export const setScheduling = ({ nice, cpus }: Pick<VisionOptions, 'nice' | 'cpus'>): void => {
  const threads = readdirSync('/proc/self/task').map(Number);
  if (nice > 0) for (const thread of threads) setPriority(thread, nice);
  if (cpus === null) return;
  const set = new Uint8Array(SET_BYTES);
  for (const cpu of cpus) set[cpu >> 3] = (set[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  try {
    const affinity = koffi
      .load('libc.so.6')
      .func('sched_setaffinity', 'int', ['int', 'size_t', koffi.pointer('uint8')]);
    for (const thread of threads) {
      if (affinity(thread, SET_BYTES, set) !== 0) throw new Error('refused by the kernel');
    }
  } catch (cause) {
    const message = `vision.cpus: cores ${cpus.join(', ')} cannot be used (${messageOf(cause)}). Name CPU cores of this machine, from 0.`;
    throw new SortbinError('vision-scheduling', message, { cause });
  }
};
