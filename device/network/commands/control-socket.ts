import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.js';
import { withDeadline } from '../../kit/deadline.js';
import { failed, messageOf } from '../../kit/errors.js';
import { type HealthListener, HealthReporter, type HealthSource } from '../../kit/health.js';
import type { Service } from '../../kit/service.js';
import { firstLine, LINE_BYTES, valueOfJson } from './commands.js';
import type { CommandAnswer, CommandRegistry } from './registry.js';

export interface ControlSocketOptions {
  /** Path of the socket. Its folder exists and belongs to this bin. */
  readonly path: string;
  readonly commands: Pick<CommandRegistry, 'execute'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The kernel's limit. Node cuts a longer path off and would listen elsewhere. */
const MAX_PATH_BYTES = 107;
const MAX_CONNECTIONS = 8;
/** Deadlines for the client to send its request, and to read the answer. */
const REQUEST_MS = 2_000;
const ANSWER_MS = 2_000;

/**
 * Accepts commands on a Unix socket. A connection carries one request and one answer. The owner and the group of the
 * socket may send requests. If the socket cannot be opened, the bin sorts without it.
 */
export class ControlSocket implements Service, HealthSource<'control-socket-not-opened'> {
  readonly name = 'control socket';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #health = new HealthReporter<'control-socket-not-opened'>();
  #isStopped = false;

  constructor(private readonly options: ControlSocketOptions) {
    // A client may close its side after the request. It still gets the answer.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.#serve(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  onHealth(listener: HealthListener<'control-socket-not-opened'>): void {
    this.#health.onHealth(listener);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { path, log } = this.options;
    try {
      if (Buffer.byteLength(path) > MAX_PATH_BYTES)
        throw new Error(`the path has more than ${MAX_PATH_BYTES} bytes`);
      // A killed daemon leaves its socket behind. The folder belongs to this bin alone.
      await rm(path, { force: true });
      signal.throwIfAborted();
      if (this.#isStopped) return;
      this.#server.listen(path);
      await once(this.#server, 'listening');
      // Otherwise an error of a connection that arrives, such as too many open files, would end the daemon.
      this.#server.on('error', (error) => log.warn({ path }, `control socket: ${messageOf(error)}`));
      await chmod(path, 0o660);
    } catch (thrown) {
      signal.throwIfAborted();
      await this.stop();
      const message = `${path}: ${messageOf(thrown)}. The bin accepts no commands from the command line.`;
      this.#health.set({ code: 'control-socket-not-opened', message });
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Answers one request. The connection is destroyed then: a client cannot hold it, whatever it does. */
  async #serve(socket: Socket): Promise<void> {
    const { clock } = this.options;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket)).on('error', () => {});
    try {
      const line = await withDeadline(clock, REQUEST_MS, () => firstLine(socket, LINE_BYTES));
      const answer = await this.#answer(line);
      await withDeadline(clock, ANSWER_MS, () => write(socket, `${JSON.stringify(answer)}\n`));
    } catch {
      // The client did not send its request or did not read its answer.
    } finally {
      socket.destroy();
    }
  }

  async #answer(line: string | null): Promise<CommandAnswer> {
    if (line === null)
      return failed('control-refused', `request: not one line of at most ${LINE_BYTES} bytes.`);
    return this.options.commands.execute(valueOfJson(line), 'command');
  }
}

/** Resolves when the kernel has the text. Rejects if the connection is gone. */
const write = (socket: Socket, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.end(text, () => resolve());
  });
