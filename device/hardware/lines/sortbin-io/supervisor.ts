import type { Logger } from 'pino';
import type { Clock } from '../../../kit/clock.js';
import { type Answer, type Fault, messageOf, SortbinError } from '../../../kit/errors.js';
import { Backoff, LONGEST_MS } from '../backoff.js';
import { Health } from '../health.js';
import type { InputRules, LineFault, OutputRules, PwmRules } from '../lines.js';
import { faultOf } from './faults.js';
import { IoInput } from './input.js';
import { Leases } from './leases.js';
import type { IoHolder, IoLine } from './line.js';
import { LineRegistry } from './line-registry.js';
import { IoOutput, IoPwm } from './output.js';
import { IoProcess, type Reply } from './process.js';
import { type IoEvent, inputWords, outputWords, place, pwmWords } from './protocol.js';

export interface IoOptions {
  /** The program sortbin-io. */
  readonly path: string;
  /** Within which it must answer; else it is killed. */
  readonly answerMs?: number;
  /** An output goes off by itself after so long without a word of the daemon. */
  readonly leaseMs?: number;
  /** Where the commands of the outputs are kept for `sortbin-io --safe`; left out: nowhere. */
  readonly outputsFile?: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const ANSWER_MS = 2_000;
const LEASE_MS = 1_000;

/** `serving`: all lines were requested; `resting`: until the next attempt. */
type State =
  | { readonly at: 'stopped' | 'closed' }
  | { readonly at: 'starting'; readonly attempt: Promise<unknown> }
  | { readonly at: 'serving'; readonly io: IoProcess; readonly sinceMs: number }
  | { readonly at: 'resting'; readonly cancel: () => void };

const down = (message: string): Fault<LineFault> => ({ code: 'lines-down', message });

/**
 * Keeps a sortbin-io alive, and has it hold the lines that were taken: one that ends is started again, at once where
 * something was on, else after 100 ms, doubling up to 30 s, and requests all of them anew; a line whose chip was
 * unplugged is requested until it is back.
 */
export class IoHost implements IoHolder {
  readonly answerMs: number;
  readonly registry: LineRegistry;
  readonly #leaseMs: number;
  readonly #options: IoOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #health = new Health();
  readonly #leases: Leases;
  readonly #restarts = new Backoff();
  #state: State = { at: 'stopped' };
  /** The process that is asked: from its greeting, before it serves. */
  #io: IoProcess | null = null;
  #down = down('sortbin-io is not started');

  constructor(options: IoOptions) {
    this.#options = options;
    this.answerMs = options.answerMs ?? ANSWER_MS;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#clock = options.clock;
    this.#log = options.log;
    const ask = (words: string) => this.ask(words);
    this.registry = new LineRegistry({
      outputsFile: options.outputsFile ?? null,
      ask,
      health: this.#health,
      clock: options.clock,
      log: options.log,
    });
    this.#leases = new Leases(options.clock, this.#leaseMs, () => void this.ask('renew'));
  }

  /** Of the process, where there is one. */
  get pid(): number | undefined {
    return this.#io?.pid;
  }

  get fault(): Fault<LineFault> | null {
    return this.#state.at === 'serving' ? null : this.#down;
  }

  /** @throws SortbinError where sortbin-io does not start */
  async start(): Promise<void> {
    if (this.#state.at !== 'stopped') {
      throw new SortbinError<LineFault>(
        'lines-down',
        `the lines are ${this.#state.at}; they are started once`,
      );
    }
    const fault = await this.#launch();
    if (!fault) return;
    if (this.#at() !== 'closed') this.#state = { at: 'stopped' };
    throw new SortbinError<LineFault>(fault.code, fault.message);
  }

  takeInput(name: string, rules: InputRules): Promise<Answer<IoInput, LineFault>> {
    const words = inputWords(name, rules);
    return this.#take(new IoInput(name, words, place(rules.at), this, this.#clock));
  }

  /** `where`: in the words of the protocol. */
  takeOutput(name: string, where: string, rules: OutputRules): Promise<Answer<IoOutput, LineFault>> {
    const words = outputWords(name, where, rules, this.#leaseMs);
    return this.#take(new IoOutput(name, words, where, rules.maxOnMs, this, this.#clock));
  }

  takePwm(name: string, rules: PwmRules): Promise<Answer<IoPwm, LineFault>> {
    const { chip, channel } = rules.at;
    const words = pwmWords(name, rules, this.#leaseMs);
    return this.#take(new IoPwm(name, words, `PWM ${chip} ${channel}`, rules, this, this.#clock));
  }

  /** Has sortbin-io hold a line from now on. */
  async #take<Line extends IoLine>(line: Line): Promise<Answer<Line, LineFault>> {
    return this.fault ? { ok: false, fault: this.fault } : this.registry.take(line);
  }

  async ask(words: string): Promise<Reply> {
    return this.#io?.ask(words) ?? { ok: false, code: 'down', text: this.#down.message };
  }

  refusal(line: IoLine, reply: Reply & { readonly ok: false }): Fault<LineFault> {
    if (reply.code === 'down') return this.fault ?? down(reply.text);
    if (reply.code === 'gone') this.registry.lose(line, reply.text);
    return faultOf(line.name, line.where, reply.code, reply.text);
  }

  renewing(line: IoLine): () => void {
    return this.#leases.on(line);
  }

  distrust(what: string): void {
    this.#io?.kill(what);
  }

  onHealth(listener: (fault: Fault<LineFault> | null) => void): void {
    this.#health.onChange(listener);
  }

  /** Where sortbin-io is down it is started first, without a rest: a kernel may have left an output as it was. */
  async safe(): Promise<void> {
    if (this.#state.at === 'resting') {
      this.#state.cancel();
      await this.#restart();
    } else if (this.#state.at === 'starting') {
      await this.#state.attempt;
    }
    await Promise.all([this.ask('safe'), this.registry.allOff()]);
  }

  async close(): Promise<void> {
    if (this.#state.at === 'serving') await this.safe();
    const state = this.#state;
    this.#state = { at: 'closed' };
    this.#down = down('the lines are closed');
    if (state.at === 'resting') state.cancel();
    const io = this.#io;
    this.#io = null;
    this.registry.down();
    await io?.close();
    if (state.at === 'starting') await state.attempt;
  }

  #launch(): Promise<Fault<LineFault> | null> {
    const attempt = this.#attempt();
    this.#state = { at: 'starting', attempt };
    return attempt;
  }

  /** Starts the process and has it hold all lines. */
  async #attempt(): Promise<Fault<LineFault> | null> {
    const { path } = this.#options;
    const cure = 'it must be there, executable, built for this machine, and of this release';
    let io: IoProcess;
    try {
      const onEvent = (event: IoEvent) => this.registry.handle(event);
      io = new IoProcess({ ...this.#options, answerMs: this.answerMs, onEvent });
    } catch (thrown) {
      return down(`${path} did not begin (${messageOf(thrown)}); ${cure}`);
    }
    this.#io = io;
    const ready = await io.ready;
    if (!ready.ok) return { ...ready.fault, message: `${ready.fault.message}; ${cure}` };
    await this.registry.recover();
    if (io.end !== null) return down(`sortbin-io ${io.end}`);
    if (this.#at() !== 'starting') return this.#down;
    this.#state = { at: 'serving', io, sinceMs: this.#clock.monotonicMs() };
    this.#log.debug({ ioPid: io.pid, version: ready.value }, 'sortbin-io serves');
    void io.ended.then((how) => this.#ended(io, how));
    return null;
  }

  #ended(io: IoProcess, how: string): void {
    if (this.#state.at !== 'serving' || this.#state.io !== io) return;
    if (this.#clock.monotonicMs() - this.#state.sinceMs >= LONGEST_MS) this.#restarts.reset();
    // A kernel may have left on what was on: the next one, which drives it off, is not waited for.
    this.#rest(down(`sortbin-io ${how}`), this.#leases.any ? 0 : this.#restarts.nextMs());
  }

  #rest(fault: Fault<LineFault>, restMs: number): void {
    this.#io = null;
    this.#down = fault;
    this.#state = { at: 'resting', cancel: this.#clock.after(restMs, () => void this.#restart()) };
    this.#log.warn({ code: fault.code, restMs }, `${fault.message}; it is started again`);
    this.registry.down();
    this.#health.driver(fault);
  }

  async #restart(): Promise<void> {
    const fault = await this.#launch();
    if (this.#at() === 'closed') return;
    if (fault) this.#rest(fault, this.#restarts.nextMs());
    else this.#health.driver(null);
  }

  /** Also for a compiler that believes the state to be what it was before an await. */
  #at(): State['at'] {
    return this.#state.at;
  }
}
