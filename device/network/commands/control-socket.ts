import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { failed, messageOf } from '../../kit/errors.js';
import { type CommandHandler, type ControlAnswer, controlRequest, LINE_BYTES } from './commands.js';
import { firstLine } from './line.js';

export interface ControlSocketOptions {
  /** Of the socket; its folder is there, and nobody else's. */
  readonly path: string;
  readonly obey: CommandHandler;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What an address of the kernel holds; Node cuts off what is longer, and listens elsewhere. */
const MOST_PATH_BYTES = 107;
const REQUEST_MS = 2_000;
const MOST_AT_ONCE = 8;

/** A connection asks one thing, is answered and ends. Who may write to the socket may ask: its owner and its group. */
export class ControlSocket {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly options: ControlSocketOptions) {
    this.#server = createServer((socket) => void this.#serve(socket));
    this.#server.maxConnections = MOST_AT_ONCE;
  }

  /** null, and a warning, where there can be none: the bin sorts without. */
  static async open(options: ControlSocketOptions): Promise<ControlSocket | null> {
    const { path, log } = options;
    const control = new ControlSocket(options);
    try {
      if (Buffer.byteLength(path) > MOST_PATH_BYTES)
        throw new Error(
          `a socket's path has ${MOST_PATH_BYTES} bytes at most; give the bin a shorter dataDir`,
        );
      // One that a kill left behind: the folder is ours alone.
      await rm(path, { force: true });
      control.#server.listen(path);
      await once(control.#server, 'listening');
      await chmod(path, 0o660);
      return control;
    } catch (thrown) {
      await control.close();
      log.warn(`no commands can be given to this bin: ${path}: ${messageOf(thrown)}`);
      return null;
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(socket: Socket): Promise<void> {
    const { clock, log } = this.options;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket)).on('error', () => {});
    try {
      const line = await withDeadline(clock, REQUEST_MS, () => firstLine(socket));
      const answer = this.#answer(line);
      if (!answer.ok) log.warn(`a command was refused: ${answer.fault.message}`);
      socket.end(`${JSON.stringify(answer)}\n`);
    } catch {
      socket.destroy();
    }
  }

  #answer(line: string | null): ControlAnswer {
    const request = controlRequest.safeParse(line === null ? undefined : jsonOf(line));
    if (request.success) return this.options.obey(request.data);
    const known = controlRequest.options.map(({ shape }) => shape.command.value).join(', ');
    return failed(
      'control-refused',
      `no request: one line of JSON of at most ${LINE_BYTES} bytes, with a command out of ${known} and what it needs`,
    );
  }
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
