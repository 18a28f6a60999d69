import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server of the system, which writes its log to a file. It ends with this process. */
export class ServerProcess {
  #child: ChildProcess | null = null;

  constructor(
    private readonly command: readonly [program: string, ...args: string[]],
    private readonly logFile: string,
    /** The Debian package of the program. */
    private readonly debianPackage: string,
  ) {}

  get isAlive(): boolean {
    return this.#child !== null;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  /** @throws Error if the program is not installed */
  async start(): Promise<void> {
    const [program, ...args] = this.command;
    const log = openSync(this.logFile, 'a');
    // Debian installs servers into a folder that users do not have in PATH.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    const child = spawn(program, args, { stdio: ['ignore', log, log], env });
    closeSync(log);
    this.#child = child;
    child.once('exit', () => {
      running.delete(child);
      if (this.#child === child) this.#child = null;
    });
    try {
      await once(child, 'spawn');
    } catch (cause) {
      this.#child = null;
      const fix = `Install it, on Debian with "apt-get install ${this.debianPackage}".`;
      throw new Error(`${program}: cannot be started. ${fix}`, { cause });
    }
    running.add(child);
  }

  /** Sends a signal, and waits for the end of the process. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** The end of the log. */
  get log(): string {
    return readFileSync(this.logFile, 'utf8').split('\n').slice(-20).join('\n');
  }
}
