import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/until.js';

const HOLDER = fileURLToPath(new URL('holder.js', import.meta.url));
const BOUND_MS = 60_000;

export interface HolderOptions {
  /** As `gateBy` has it. */
  readonly driver?: string;
  readonly outputsFile?: string;
}

/** holder.ts as a process of its own, with the gate in its hand. */
export class Holding {
  readonly #child: ChildProcess;
  readonly #said: string[] = [];
  readonly #ended: Promise<number | NodeJS.Signals>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit').then(([code, signal]) => signal ?? code);
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#said.push(line));
    child.stdin?.on('error', () => {}); // it may have been killed
  }

  /** Resolves once it has the gate. */
  static async start({ driver = 'io', outputsFile }: HolderOptions = {}): Promise<Holding> {
    const args = [HOLDER, driver, ...(outputsFile === undefined ? [] : [outputsFile])];
    const holding = new Holding(spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await Promise.race([
      holding.says('ready'),
      holding.ended().then((how) => Promise.reject(new Error(`the holder ended: ${how}`))),
    ]);
    return holding;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Of its sortbin-io. */
  get ioPid(): number {
    return Number(readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim());
  }

  tell(command: string): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  /** Waits for it to say so, and forgets it. */
  async says(words: string): Promise<void> {
    await until(`it says "${words}"`, () => this.#said.includes(words), BOUND_MS);
    this.#said.splice(this.#said.indexOf(words), 1);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals> {
    return this.#ended;
  }

  /** By force, whatever it does. */
  async end(): Promise<void> {
    this.kill('SIGKILL');
    await this.#ended;
  }
}
