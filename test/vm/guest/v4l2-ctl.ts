import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { promisify } from 'node:util';
import { until } from '../../support/until.js';

const DEADLINE_MS = 60_000;

const run = promisify(execFile);

/** Runs v4l2-ctl on a device. It is the other program that uses the camera. Returns its output, also of a failed call. */
export const v4l2Ctl = (device: string, ...args: string[]): string => {
  try {
    return execFileSync('v4l2-ctl', ['-d', device, ...args], { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return `${stdout}${stderr}`;
  }
};

/** Captures frames with v4l2-ctl, without the empty ones. Each frame in its file has a header: `rdhV` and the length. */
export const capture = async (device: string, count: number): Promise<Buffer[]> => {
  const path = join(tmpdir(), 'captured');
  const args = ['-d', device, '--stream-mmap=4', `--stream-count=${count}`, `--stream-to-hdr=${path}`];
  await run('v4l2-ctl', args, { timeout: DEADLINE_MS });
  const file = readFileSync(path);
  rmSync(path);
  const frames: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = file.readUInt32BE(at + 4);
    frames.push(file.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return frames;
};

/** A camera that another program uses. */
export class HeldCamera {
  /** The number of bytes of each buffer. */
  readonly lengths: number[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    lines.on('line', (line) => {
      const length = /^cap dqbuf: .*bytesused: (\d+)/.exec(line)?.[1];
      if (length !== undefined) this.lengths.push(Number(length));
    });
  }

  /** Resolves when the other program has received a buffer. */
  static async hold(device: string): Promise<HeldCamera> {
    const args = ['-d', device, '--stream-mmap', '--stream-to=/dev/null', '--verbose'];
    const child = spawn('v4l2-ctl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const held = new HeldCamera(child, createInterface({ input: child.stderr }));
    await until(`v4l2-ctl receives a buffer of ${device}`, () => held.lengths.length > 0, DEADLINE_MS);
    return held;
  }

  async release(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
