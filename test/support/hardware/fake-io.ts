import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../../../device/kit/clock.js';
import { FakeBoard } from './fake-board.js';

const SCRIPT = fileURLToPath(new URL('./fake-io-relay.js', import.meta.url));

/** A fake sortbin-io that follows the protocol until a test makes it misbehave. Its input levels outlive its processes. */
export class FakeIo {
  /** Path of the program to spawn. */
  path = '';
  /** The first line of output. Null sends none. */
  versionLine: string | null = 'sortbin-io 1 fake';
  /** All commands received, without their numbers. */
  readonly commands: string[] = [];
  /** Number of processes started. */
  starts = 0;
  board: FakeBoard | null = null;
  /** Returns the answer to a command (`ok`, `error failed why`), `silence` for none, or `rules` to follow the protocol. */
  respond: (command: string) => string | 'silence' | 'rules' = () => 'rules';
  readonly #levels = new Map<string, boolean>();
  readonly #unplugged = new Set<string>();
  readonly #sockets = new Set<Socket>();
  #folder = '';
  readonly #server = createServer((socket) => this.#serve(socket));

  async start(): Promise<this> {
    this.#folder = await mkdtemp(join(tmpdir(), 'fake-io-'));
    const socket = join(this.#folder, 'socket');
    this.path = join(this.#folder, 'sortbin-io');
    await writeFile(this.path, `#!/bin/sh\nexec '${process.execPath}' '${SCRIPT}' '${socket}'\n`);
    await chmod(this.path, 0o755);
    await new Promise<void>((resolve) => this.#server.listen(socket, resolve));
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Writes a line to the output of the current process. */
  write(text: string): void {
    for (const socket of this.#sockets) if (!socket.destroyed) socket.write(`${text}\n`);
  }

  /** Makes the current process exit. */
  exit(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  press(input: string, active: boolean): void {
    this.#levels.set(input, active);
    this.board?.press(input, active);
  }

  /** Returns whether an output is on. */
  level(output: string): boolean {
    return this.board?.level(output) ?? false;
  }

  unplug(name: string): void {
    this.#unplugged.add(name);
    this.board?.unplug(name);
  }

  plug(name: string): void {
    this.#unplugged.delete(name);
  }

  #serve(socket: Socket): void {
    this.starts += 1;
    this.#sockets.add(socket);
    const write = (text: string) => {
      if (!socket.destroyed && socket.writable) socket.write(`${text}\n`);
    };
    const state = { levels: this.#levels, unplugged: this.#unplugged };
    const board = new FakeBoard(new SystemClock(), state, write);
    this.board = board;
    if (this.versionLine !== null) write(this.versionLine);
    const input = createInterface({ input: socket });
    // A killed process causes an error. The close of the socket handles it.
    input.on('error', () => {});
    input.on('line', (line) => {
      const space = line.indexOf(' ');
      const [id, command] = [line.slice(0, space), line.slice(space + 1)];
      this.commands.push(command);
      const answer = this.respond(command);
      if (answer === 'rules') void board.perform(id, command.split(' '));
      else if (answer !== 'silence') write(`${id} ${answer}`);
    });
    socket
      .on('error', () => {})
      .on('close', () => {
        this.#sockets.delete(socket);
        void board.close();
      });
  }
}
