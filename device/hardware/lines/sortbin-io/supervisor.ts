import type { Logger } from 'pino';
import { Backoff } from '../../../kit/backoff.js';
import type { Clock } from '../../../kit/clock.js';
import { orAborted } from '../../../kit/deadline.js';
import { type Answer, type Fault, messageOf, SortbinError } from '../../../kit/errors.js';
import type { HealthListener } from '../../../kit/health.js';
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
const CHECK_PROGRAM =
  'Check that the program exists, is executable, is built for this machine, and belongs to this release.';

/** `running`: all lines were requested. `waiting`: a restart is scheduled. */
type State =
  | { readonly at: 'stopped' | 'closed' }
  | { readonly at: 'starting'; readonly attempt: Promise<unknown> }
  | { readonly at: 'running'; readonly io: IoProcess; readonly sinceMs: number }
  | { readonly at: 'waiting'; readonly cancel: () => void };

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
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #health = new LinesHealth();
  readonly #leases: Leases;
  readonly #restarts = new Backoff(RETRY_LIMITS);
  #state: State = { at: 'stopped' };
  /** The process that receives commands. It is set before the state is `running`, to request the lines. */
  #io: IoProcess | null = null;
  #down = down('sortbin-io is not started');

  constructor(options: SortbinIoOptions) {
    this.#options = options;
    this.answerMs = options.answerMs ?? ANSWER_MS;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#clock = options.clock;
    this.#log = options.log;
    const send = (command: string) => this.send(command);
    this.registry = new LineRegistry({
      outputsFile: options.outputsFile ?? null,
      send,
      health: this.#health,
      clock: options.clock,
      log: options.log,
    });
    this.#leases = new Leases(options.clock, this.#leaseMs, () => void this.send('renew'));
  }

  /** Process id of sortbin-io, if it runs. */
  get pid(): number | undefined {
    return this.#io?.pid;
  }

  get fault(): Fault<LineFault> | null {
    return this.#state.at === 'running' ? null : this.#down;
  }

  /** @throws SortbinError if sortbin-io does not start; the signal's reason */
  async start(signal: AbortSignal): Promise<void> {
    if (this.#state.at !== 'stopped') {
      throw new SortbinError<LineFault>(
        'lines-down',
        `The lines are already ${this.#state.at}. Start them once.`,
      );
    }
    signal.throwIfAborted();
    const launched = this.#launch().then((fault) => {
      if (fault && this.#at() === 'starting') this.#state = { at: 'stopped' };
      return fault;
    });
    const fault = await orAborted(launched, signal).catch((thrown) => {
      this.killProcess('is not needed any more');
      throw thrown;
    });
    if (!fault) return;
    throw new SortbinError<LineFault>(fault.code, fault.message);
  }

  requestInput(name: string, rules: InputRules): Promise<Answer<IoInput, LineFault>> {
    const command = inputRequest(name, rules);
    return this.#request(new IoInput(name, command, placeWords(rules.at), this, this.#clock));
  }

  /** `place` is in the words of the protocol. */
  requestOutput(name: string, place: string, rules: OutputRules): Promise<Answer<IoOutput, LineFault>> {
    const command = outputRequest(name, place, rules, this.#leaseMs);
    return this.#request(new IoOutput(name, command, place, rules.maxOnMs, this, this.#clock));
  }

  requestPwm(name: string, rules: PwmRules): Promise<Answer<IoPwm, LineFault>> {
    const { chip, channel } = rules.at;
    const command = pwmRequest(name, rules, this.#leaseMs);
    return this.#request(new IoPwm(name, command, `PWM ${chip} ${channel}`, rules, this, this.#clock));
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
    if (this.#state.at === 'waiting') {
      this.#state.cancel();
      await this.#restart();
    } else if (this.#state.at === 'starting') {
      await this.#state.attempt;
    }
    await Promise.all([this.send('safe'), this.registry.untilAllOff()]);
  }

  async close(): Promise<void> {
    if (this.#state.at === 'running') await this.safe();
    const state = this.#state;
    this.#state = { at: 'closed' };
    this.#down = down('the lines are closed');
    if (state.at === 'waiting') state.cancel();
    const io = this.#io;
    this.#io = null;
    this.registry.markDown();
    await io?.close();
    if (state.at === 'starting') await state.attempt;
  }

  #launch(): Promise<Fault<LineFault> | null> {
    const attempt = this.#attempt();
    this.#state = { at: 'starting', attempt };
    return attempt;
  }

  /** Starts the process and requests all lines. */
  async #attempt(): Promise<Fault<LineFault> | null> {
    const { path } = this.#options;
    let io: IoProcess;
    try {
      const onEvent = (event: IoEvent) => this.registry.handleEvent(event);
      io = new IoProcess({ ...this.#options, answerMs: this.answerMs, onEvent });
    } catch (thrown) {
      return down(`${path} did not start (${messageOf(thrown)}). ${CHECK_PROGRAM}`);
    }
    this.#io = io;
    const ready = await io.ready;
    if (!ready.ok) return { ...ready.fault, message: `${ready.fault.message}. ${CHECK_PROGRAM}` };
    await this.registry.requestAll();
    if (io.endReason !== null) return down(`sortbin-io ${io.endReason}`);
    if (this.#at() !== 'starting') return this.#down;
    this.#state = { at: 'running', io, sinceMs: this.#clock.monotonicMs() };
    this.#log.debug({ ioPid: io.pid, version: ready.value }, 'sortbin-io started');
    void io.ended.then((reason) => this.#onEnd(io, reason));
    return null;
  }

  #onEnd(io: IoProcess, reason: string): void {
    if (this.#state.at !== 'running' || this.#state.io !== io) return;
    if (this.#clock.monotonicMs() - this.#state.sinceMs >= RETRY_LIMITS.maxMs) this.#restarts.reset();
    // The kernel may leave an output on. A new sortbin-io turns it off, so do not wait.
    this.#scheduleRestart(down(`sortbin-io ${reason}`), this.#leases.isAnyOn ? 0 : this.#restarts.nextMs());
  }

  #scheduleRestart(fault: Fault<LineFault>, delayMs: number): void {
    this.#io = null;
    this.#down = fault;
    this.#state = { at: 'waiting', cancel: this.#clock.after(delayMs, () => void this.#restart()) };
    const fields = { code: fault.code, reason: fault.message, delayMs };
    this.#log.warn(fields, 'scheduled a restart of sortbin-io');
    this.registry.markDown();
    this.#health.setDriverFault(fault);
  }

  async #restart(): Promise<void> {
    const fault = await this.#launch();
    if (this.#at() === 'closed') return;
    if (fault) this.#scheduleRestart(fault, this.#restarts.nextMs());
    else this.#health.setDriverFault(null);
  }

  /** Reads the state again after an await. TypeScript still narrows `#state` to its value before the await. */
  #at(): State['at'] {
    return this.#state.at;
  }
}
