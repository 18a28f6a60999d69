import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { failed, messageOf } from '../../kit/errors.js';
import {
  type CommandHandler,
  type ControlAnswer,
  controlRequest,
  firstLine,
  LINE_BYTES,
} from './commands.js';

export interface ControlSocketOptions {
  /** Path of the socket. Its folder exists and belongs to this bin. */
  readonly path: string;
  readonly handle: CommandHandler;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The kernel's limit. Node cuts a longer path off and would listen elsewhere. */
const MAX_PATH_BYTES = 107;
const REQUEST_DEADLINE_MS = 2_000;
const MAX_CONNECTIONS = 8;

/**
 * Accepts commands on a Unix socket. A connection carries one request and one answer. The owner and the group of the
 * socket may send requests.
 */
export class ControlSocket {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly options: ControlSocketOptions) {
    this.#server = createServer((socket) => void this.#serve(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Opens the socket. If that fails, logs a warning and returns null: the bin sorts without commands. */
  static async open(options: ControlSocketOptions): Promise<ControlSocket | null> {
    const { path, log } = options;
    const control = new ControlSocket(options);
    try {
      if (Buffer.byteLength(path) > MAX_PATH_BYTES)
        throw new Error(`the path has more than ${MAX_PATH_BYTES} bytes. Configure a shorter dataDir.`);
      // A killed daemon leaves its socket behind. The folder belongs to this bin alone.
      await rm(path, { force: true });
      control.#server.listen(path);
      await once(control.#server, 'listening');
      await chmod(path, 0o660);
      return control;
    } catch (thrown) {
      await control.close();
      log.warn({ path }, `control socket: not opened, the bin accepts no commands: ${messageOf(thrown)}`);
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
      const line = await withDeadline(clock, REQUEST_DEADLINE_MS, () => firstLine(socket));
      const answer = this.#answer(line);
      if (!answer.ok) log.warn({ code: answer.fault.code }, `command refused: ${answer.fault.message}`);
      socket.end(`${JSON.stringify(answer)}\n`);
    } catch {
      socket.destroy();
    }
  }

  #answer(line: string | null): ControlAnswer {
    const request = controlRequest.safeParse(line === null ? undefined : jsonOf(line));
    if (request.success) return this.options.handle(request.data);
    const known = controlRequest.options.map(({ shape }) => shape.command.value).join(', ');
    return failed(
      'control-refused',
      `request: not valid. Send one line of JSON of at most ${LINE_BYTES} bytes, with a command (${known}) and its keys.`,
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
