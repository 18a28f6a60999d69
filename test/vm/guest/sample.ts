import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Built by test/vm/run.sh from sample.c. */
const SAMPLER = fileURLToPath(new URL('../sample', import.meta.url));

export interface Reading {
  /** CLOCK_MONOTONIC, as `process.hrtime.bigint()` and the kernel's edges have it. */
  readonly atNs: bigint;
  readonly value: string;
}

export interface Sampled {
  /** The first reading and each that differs from the one before. */
  readonly readings: readonly Reading[];
  readonly endNs: bigint;
  /** The file could no longer be read: its chip was unplugged. */
  readonly gone: boolean;
  /** The longest time between two readings: what was shorter may not have been seen. */
  readonly longestGapMs: number;
}

/** A file of the kernel's, read each millisecond by a process of its own, which a blocked event loop does not blind. */
export class Sampling {
  readonly #readings: readonly Reading[];
  readonly #child: ChildProcess;
  readonly #ended: Promise<Sampled>;

  private constructor(child: ChildProcess, ended: Promise<Sampled>, readings: readonly Reading[]) {
    this.#child = child;
    this.#ended = ended;
    this.#readings = readings;
  }

  /** Resolves once the first reading was taken. `forMs` is a bound for what is not stopped. */
  static async start(file: string, { everyMs = 1, forMs = 60_000 } = {}): Promise<Sampling> {
    const child = spawn(SAMPLER, [file, String(everyMs * 1_000), String(forMs)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const readings: Reading[] = [];
    const lines = createInterface({ input: child.stdout });
    let last: Omit<Sampled, 'readings'> | null = null;
    lines.on('line', (line) => {
      const [ns = '', value = '', gap] = line.split(' ');
      if (gap === undefined) readings.push({ atNs: BigInt(ns), value });
      else last = { endNs: BigInt(ns), gone: value === 'gone', longestGapMs: Number(gap) / 1e6 };
    });
    const ended = once(lines, 'close').then((): Sampled => {
      if (last === null) throw new Error(`the sampler of ${file} ended early (see its message above)`);
      return { readings, ...last };
    });
    await Promise.race([once(lines, 'line'), ended]);
    return new Sampling(child, ended, readings);
  }

  /** What was read so far. */
  get readings(): readonly Reading[] {
    return this.#readings;
  }

  /** Resolves at the end of `forMs`, or when the file is gone. */
  ended(): Promise<Sampled> {
    return this.#ended;
  }

  stop(): Promise<Sampled> {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }
}
