import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** test/vm/run.sh builds it from sample.c. */
const SAMPLER = fileURLToPath(new URL('../sample', import.meta.url));

export interface Reading {
  /** CLOCK_MONOTONIC, like `process.hrtime.bigint()` and the edges of the kernel. */
  readonly atNs: bigint;
  readonly value: string;
}

export interface Sampled {
  /** The first reading and each that differs from the one before. */
  readonly readings: readonly Reading[];
  readonly endNs: bigint;
  /** True if the file could no longer be read because its chip was unplugged. */
  readonly gone: boolean;
  /** The longest time between two readings. A shorter change may have been missed. */
  readonly longestGapMs: number;
}

/** Samples a file of the kernel each millisecond in a separate process, also while the event loop is blocked. */
export class Sampling {
  readonly #readings: readonly Reading[];
  readonly #child: ChildProcess;
  readonly #ended: Promise<Sampled>;

  private constructor(child: ChildProcess, ended: Promise<Sampled>, readings: readonly Reading[]) {
    this.#child = child;
    this.#ended = ended;
    this.#readings = readings;
  }

  /** Resolves after the first reading. Without `stop`, the sampling ends after `forMs`. */
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
      if (last === null) throw new Error(`the sampler of ${file} exited early. See its message above.`);
      return { readings, ...last };
    });
    await Promise.race([once(lines, 'line'), ended]);
    return new Sampling(child, ended, readings);
  }

  /** The readings so far. */
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
