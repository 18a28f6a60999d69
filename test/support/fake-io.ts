import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../../device/kit/clock.js';
import { FakeBoard } from './fake-board.js';

const SCRIPT = fileURLToPath(new URL('./fake-io-relay.js', import.meta.url));

/** A sortbin-io that serves by the rules until it is told to behave worse; its lines outlive its processes. */
export class FakeIo {
  /** The program to spawn. */
  path = '';
  greeting: string | null = 'sortbin-io 1 fake';
  /** All that it was told, without the numbers. */
  readonly heard: string[] = [];
  /** Processes so far. */
  lives = 0;
  board: FakeBoard | null = null;
  /** What it answers to a command in place of what the rules say: `ok`, `error failed why`, or nothing at all. */
  manners: (words: string) => string | 'silence' | 'rules' = () => 'rules';
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

  /** Has the process of this moment say anything. */
  say(text: string): void {
    for (const socket of this.#sockets) if (!socket.destroyed) socket.write(`${text}\n`);
  }

  /** Has the process of this moment exit by itself. */
  leave(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  press(input: string, active: boolean): void {
    this.#levels.set(input, active);
    this.board?.press(input, active);
  }

  /** Whether an output is on. */
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
    this.lives += 1;
    this.#sockets.add(socket);
    const say = (text: string) => {
      if (!socket.destroyed && socket.writable) socket.write(`${text}\n`);
    };
    const world = { levels: this.#levels, unplugged: this.#unplugged };
    const board = new FakeBoard(new SystemClock(), world, say);
    this.board = board;
    if (this.greeting !== null) say(this.greeting);
    const told = createInterface({ input: socket });
    // A process that was killed; its end is told by the socket.
    told.on('error', () => {});
    told.on('line', (line) => {
      const space = line.indexOf(' ');
      const [id, words] = [line.slice(0, space), line.slice(space + 1)];
      this.heard.push(words);
      const answer = this.manners(words);
      if (answer === 'rules') void board.perform(id, words.split(' '));
      else if (answer !== 'silence') say(`${id} ${answer}`);
    });
    socket
      .on('error', () => {})
      .on('close', () => {
        this.#sockets.delete(socket);
        void board.close();
      });
  }
}
