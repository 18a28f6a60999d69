import type { Logger } from 'pino';
import type { Observer } from '../../cycle/observer.js';
import type { Clock } from '../../kit/clock.js';
import { type Answer, done, type Fault } from '../../kit/errors.js';
import type { Service } from '../../kit/service.js';
import { Supervisor } from '../../kit/supervisor.js';
import type { Liveness } from '../../status/liveness.js';
import type { Status } from '../../status/status.js';
import { type NotifyFault, NotifyProcess } from './notify-process.js';
import { statusText } from './status-text.js';

export interface SystemdOptions {
  /** Path of sortbin-notify. */
  readonly path: string;
  /** Value of NOTIFY_SOCKET. */
  readonly socket: string;
  /** systemd ends the daemon if it receives no sign of life within this time. null: it waits for none. */
  readonly watchdogMs: number | null;
  readonly status: Pick<Status, 'snapshot'>;
  readonly liveness: Pick<Liveness, 'healthy'>;
  readonly clock: Clock;
  readonly log: Logger;
}

const RESTART_LIMITS = { minMs: 100, maxMs: 10_000 };
/** The state changes several times an item. */
const STATUS_PAUSE_MS = 1_000;
/** Signs of life within the time that systemd allows. */
const BEATS = 3;

/**
 * Tells systemd when the bin is ready, what it does, and that it makes progress. One program in C sends all messages:
 * Node.js has no datagram sockets, and systemd ignores the messages of a process that has exited.
 */
export class SystemdNotifier implements Service, Observer {
  readonly name = 'systemd notifier';
  readonly #supervisor: Supervisor<NotifyProcess, NotifyFault>;
  #isReady = false;
  #isStalled = false;
  #sentStatus = '';
  #isPausing = false;
  #cancelBeat = () => {};
  #cancelStatus = () => {};

  constructor(private readonly options: SystemdOptions) {
    this.#supervisor = new Supervisor({
      launch: (signal) => this.#launch(signal),
      untilDown: (process) => process.ended,
      isUrgent: () => false,
      onRunning: () => this.#announce(),
      onDown: (fault, delayMs) => this.#onDown(fault, delayMs),
      limits: RESTART_LIMITS,
      retryStart: true,
      resetAfterMs: RESTART_LIMITS.maxMs,
      clock: options.clock,
    });
  }

  /** Starts the process, without waiting for it: messages are sent when it runs. */
  async start(signal: AbortSignal): Promise<void> {
    this.#supervisor.start(signal).catch(() => {}); // `stop` follows an aborted start.
  }

  /** Reports that the bin sorts. From now on, systemd expects signs of life. */
  ready(): void {
    this.#isReady = true;
    this.#announce();
    this.#scheduleBeat();
  }

  /** Reports that the bin stops. */
  stopping(): void {
    this.#cancelBeat();
    if (this.#isReady) this.#send('STOPPING=1');
    this.#isReady = false;
  }

  async stop(): Promise<void> {
    this.stopping();
    this.#cancelStatus();
    const state = this.#supervisor.state();
    await Promise.all([this.#supervisor.close(), state.at === 'running' ? state.process.close() : null]);
  }

  phase(): void {
    this.#updateStatus();
  }

  health(): void {
    this.#updateStatus();
  }

  event(): void {
    this.#updateStatus();
  }

  locked(): void {
    this.#updateStatus();
  }

  async #launch(signal: AbortSignal): Promise<Answer<NotifyProcess, NotifyFault>> {
    const { path, socket, clock, log } = this.options;
    const process = new NotifyProcess({ path, socket, signal, clock, log });
    const ready = await process.ready;
    if (!ready.ok) return ready;
    log.debug({ childPid: process.pid, version: ready.value }, 'sortbin-notify started');
    return done(process);
  }

  #onDown({ code, message }: Fault, delayMs: number): void {
    this.options.log.warn({ code, reason: message, delayMs }, 'scheduled a restart of sortbin-notify');
  }

  /** Sends all that systemd must know. A new process may repeat it. */
  #announce(): void {
    if (this.#isReady) this.#send('READY=1');
    this.#sentStatus = '';
    this.#sendStatus();
  }

  #scheduleBeat(): void {
    const { watchdogMs, clock } = this.options;
    if (watchdogMs === null) return;
    this.#cancelBeat = clock.after(watchdogMs / BEATS, () => {
      this.#beat();
      this.#scheduleBeat();
    });
  }

  /** Without progress of a part, systemd receives no sign of life, and restarts the daemon. */
  #beat(): void {
    const state = this.options.liveness.healthy();
    if (state.ok) this.#send('WATCHDOG=1');
    else if (!this.#isStalled)
      this.options.log.error(
        { stalled: state.stalled },
        'no sign of life for systemd, because a part makes no progress',
      );
    this.#isStalled = !state.ok;
    this.#updateStatus();
  }

  #updateStatus(): void {
    if (this.#isPausing) return;
    this.#isPausing = true;
    this.#sendStatus();
    this.#cancelStatus = this.options.clock.after(STATUS_PAUSE_MS, () => {
      this.#isPausing = false;
      this.#sendStatus();
    });
  }

  #sendStatus(): void {
    const { status, liveness } = this.options;
    const text = statusText(status.snapshot(), liveness.healthy());
    if (text !== this.#sentStatus && this.#send(`STATUS=${text}`)) this.#sentStatus = text;
  }

  /** Returns whether the process runs. */
  #send(message: string): boolean {
    const state = this.#supervisor.state();
    if (state.at === 'running') state.process.send(message);
    return state.at === 'running';
  }
}
