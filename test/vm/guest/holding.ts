import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/until.js';

const HOLDER = fileURLToPath(new URL('holder.js', import.meta.url));
const DEADLINE_MS = 60_000;

export interface HolderOptions {
  /** A driver of `makeGate`. */
  readonly driver?: string;
  readonly outputsFile?: string;
}

/** A process of holder.ts, which holds the gate. */
export class Holding {
  readonly #child: ChildProcess;
  readonly #output: string[] = [];
  readonly #ended: Promise<number | NodeJS.Signals>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit').then(([code, signal]) => signal ?? code);
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#output.push(line));
    child.stdin?.on('error', () => {}); // it may be killed
  }

  /** Resolves when the process holds the gate. */
  static async start({ driver = 'io', outputsFile }: HolderOptions = {}): Promise<Holding> {
    const args = [HOLDER, driver, ...(outputsFile === undefined ? [] : [outputsFile])];
    const holding = new Holding(spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await Promise.race([
      holding.waitFor('ready'),
      holding.ended().then((how) => Promise.reject(new Error(`the holder exited: ${how}`))),
    ]);
    return holding;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Process id of its sortbin-io. */
  get ioPid(): number {
    return Number(readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim());
  }

  send(command: string): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  /** Waits for a line of output and removes it. */
  async waitFor(line: string): Promise<void> {
    await until(`the holder prints "${line}"`, () => this.#output.includes(line), DEADLINE_MS);
    this.#output.splice(this.#output.indexOf(line), 1);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals> {
    return this.#ended;
  }

  /** Kills the process and waits for its exit. */
  async end(): Promise<void> {
    this.kill('SIGKILL');
    await this.#ended;
  }
}
