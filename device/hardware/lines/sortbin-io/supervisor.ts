import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import { type Answer, done, type Fault, failed, SortbinError } from '../../../kit/errors.js';
import type { HealthListener } from '../../../kit/health.js';
import { Supervisor } from '../../../kit/supervisor.js';
import { LinesHealth } from '../health.js';
import type { InputRules, LineFault, OutputRules, PwmRules } from '../lines.js';
import { RETRY_LIMITS } from '../time.js';
import { faultOf } from './faults.js';
import { IoInput } from './input.js';
import { Leases } from './leases.js';
import type { IoConnection, IoLine } from './line.js';
import { LineRegistry } from './line-registry.js';
import { IoOutput, IoPwm } from './output.js';
import { IoProcess, type Reply } from './process.js';
import { type IoEvent, inputRequest, outputRequest, placeWords, pwmRequest } from './protocol.js';

export interface SortbinIoOptions {
  /** Path of the program sortbin-io. */
  readonly path: string;
  /** Deadline of each reply. A process that misses it is killed. */
  readonly answerMs?: number;
  /** sortbin-io turns an output off if its lease is not renewed within this time. */
  readonly leaseMs?: number;
  /** File that lists the outputs for `sortbin-io --safe`. Without it, none is written. */
  readonly outputsFile?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const ANSWER_MS = 2_000;
const LEASE_MS = 1_000;

const down = (message: string): Fault<LineFault> => ({ code: 'lines-down', message });

/**
 * Keeps sortbin-io running with all requested lines. After an exit it restarts sortbin-io and requests all lines again.
 * The restart is immediate if an output was on, else it comes after 100 ms, doubled each time, at most 30 s.
 */
export class IoSupervisor implements IoConnection {
  readonly answerMs: number;
  readonly registry: LineRegistry;
  readonly #leaseMs: number;
  readonly #options: SortbinIoOptions;
  readonly #health = new LinesHealth();
  readonly #leases: Leases;
  readonly #supervisor: Supervisor<IoProcess, LineFault>;
  /** The process that receives commands. It is set before the lines are requested. */
  #io: IoProcess | null = null;
  #down = down('sortbin-io is not started');

  constructor(options: SortbinIoOptions) {
    this.#options = options;
    this.answerMs = options.answerMs ?? ANSWER_MS;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    const send = (command: string) => this.send(command);
    this.registry = new LineRegistry({
      outputsFile: options.outputsFile ?? null,
      send,
      health: this.#health,
      clock: options.clock,
      log: options.log,
    });
    this.#leases = new Leases(options.clock, this.#leaseMs, () => void this.send('renew'));
    this.#supervisor = new Supervisor({
      launch: (signal) => this.#launch(signal),
      untilDown: (io) => io.ended,
      // The kernel may leave an output on. A new sortbin-io turns it off, so do not wait.
      isUrgent: () => this.#leases.isAnyOn,
      onRunning: () => this.#health.setDriverFault(null),
      onDown: (fault, delayMs) => this.#onDown(fault, delayMs),
      limits: RETRY_LIMITS,
      resetAfterMs: RETRY_LIMITS.maxMs,
      clock: options.clock,
    });
  }

  /** Process id of sortbin-io, if it runs. */
  get pid(): number | undefined {
    return this.#io?.pid;
  }

  get fault(): Fault<LineFault> | null {
    return this.#supervisor.state().at === 'running' ? null : this.#down;
  }

  /** @throws SortbinError if sortbin-io does not start; the signal's reason */
  async start(signal: AbortSignal): Promise<void> {
    const { at } = this.#supervisor.state();
    if (at !== 'stopped') {
      throw new SortbinError<LineFault>('lines-down', `The lines are already ${at}. Start them once.`);
    }
    const answer = await this.#supervisor.start(signal);
    if (!answer.ok) throw new SortbinError<LineFault>(answer.fault.code, answer.fault.message);
  }

  requestInput(name: string, rules: InputRules): Promise<Answer<IoInput, LineFault>> {
    const command = inputRequest(name, rules);
    return this.#request(new IoInput(name, command, placeWords(rules.at), this, this.#options.clock));
  }

  /** `place` is in the words of the protocol. */
  requestOutput(name: string, place: string, rules: OutputRules): Promise<Answer<IoOutput, LineFault>> {
    const command = outputRequest(name, place, rules, this.#leaseMs);
    return this.#request(new IoOutput(name, command, place, rules.maxOnMs, this, this.#options.clock));
  }

  requestPwm(name: string, rules: PwmRules): Promise<Answer<IoPwm, LineFault>> {
    const { chip, channel } = rules.at;
    const command = pwmRequest(name, rules, this.#leaseMs);
    return this.#request(
      new IoPwm(name, command, `PWM ${chip} ${channel}`, rules, this, this.#options.clock),
    );
  }

  async #request<Line extends IoLine>(line: Line): Promise<Answer<Line, LineFault>> {
    return this.fault ? { ok: false, fault: this.fault } : this.registry.add(line);
  }

  async send(command: string): Promise<Reply> {
    return this.#io?.send(command) ?? { ok: false, code: 'down', text: this.#down.message };
  }

  toFault(line: IoLine, reply: Reply & { readonly ok: false }): Fault<LineFault> {
    if (reply.code === 'down') return this.fault ?? down(reply.text);
    if (reply.code === 'gone') this.registry.markGone(line, reply.text);
    return faultOf(line.name, line.place, reply.code, reply.text);
  }

  startRenewing(line: IoLine): () => void {
    return this.#leases.startRenewing(line);
  }

  killProcess(reason: string): void {
    this.#io?.kill(reason);
  }

  onHealth(listener: HealthListener<LineFault>): void {
    this.#health.onHealth(listener);
  }

  /** Turns all outputs off. Starts sortbin-io at once if it is down: the kernel may have left an output on. */
  async safe(): Promise<void> {
    await this.#supervisor.restartNow();
    await Promise.all([this.send('safe'), this.registry.untilAllOff()]);
  }

  async close(): Promise<void> {
    if (this.fault === null) await this.safe();
    const closed = this.#supervisor.close();
    this.#down = down('the lines are closed');
    const io = this.#io;
    this.#io = null;
    this.registry.markDown();
    await Promise.all([closed, io?.close()]);
  }

  /** Starts the process and requests all lines. */
  async #launch(signal: AbortSignal): Promise<Answer<IoProcess, LineFault>> {
    const { path, clock, log } = this.#options;
    const onEvent = (event: IoEvent) => this.registry.handleEvent(event);
    const io = new IoProcess({ path, answerMs: this.answerMs, signal, clock, log, onEvent });
    this.#io = io;
    const ready = await io.ready;
    if (!ready.ok) {
      const check = `Check that ${path} exists, is executable, is built for this machine, and belongs to this release.`;
      return failed(ready.fault.code, `${ready.fault.message}. ${check}`);
    }
    await this.registry.requestAll();
    if (io.fault) return { ok: false, fault: io.fault };
    if (signal.aborted) return { ok: false, fault: this.#down };
    log.debug({ childPid: io.pid, version: ready.value }, 'sortbin-io started');
    return done(io);
  }

  #onDown(fault: Fault<LineFault>, delayMs: number): void {
    this.#io = null;
    this.#down = fault;
    const fields = { code: fault.code, reason: fault.message, delayMs };
    this.#options.log.warn(fields, 'scheduled a restart of sortbin-io');
    this.registry.markDown();
    this.#health.setDriverFault(fault);
  }
}
