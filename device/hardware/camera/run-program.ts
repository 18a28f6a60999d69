import { execFile } from 'node:child_process';
import { type Answer, done, failed } from '../../kit/errors.js';

/** `program-missing`: there is no such file. `program-late`: it missed its deadline. `program-failed`: any other end. */
export type ProgramFault = 'program-missing' | 'program-late' | 'program-failed';

/** Large enough for any list of cameras. A program that writes more is killed. */
const MAX_OUTPUT_BYTES = 1 << 20;

/**
 * Runs a program until its exit, without a shell, and returns its standard output. A program that misses the deadline is
 * killed.
 */
export const runProgram = (
  program: string,
  args: readonly string[],
  deadlineMs: number,
): Promise<Answer<string, ProgramFault>> =>
  new Promise((resolve) => {
    const env = { PATH: process.env.PATH };
    const options = { env, timeout: deadlineMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
    try {
      execFile(program, args, options, (error, stdout, stderr) => {
        if (!error) return resolve(done(stdout));
        if (error.code === 'ENOENT') return resolve(failed('program-missing', `${program}: not found`));
        const isLate = error.killed === true && error.code !== 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER';
        const reason = lastLine(stderr) || (typeof error.code === 'number' ? '' : error.message);
        resolve(
          isLate
            ? failed('program-late', `${program}: no answer within ${deadlineMs} ms`)
            : failed('program-failed', `${program}: ${reason || `exited with code ${error.code}`}`),
        );
      });
    } catch (thrown) {
      // A path with a null character, for example.
      resolve(failed('program-failed', `${program}: ${String(thrown)}`));
    }
  });

const MAX_LINE_LENGTH = 200;

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.slice(0, MAX_LINE_LENGTH) ?? '';
