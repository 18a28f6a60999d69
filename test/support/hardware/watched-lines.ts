import type {
  Input,
  InputRules,
  LineFault,
  Lines,
  Off,
  OffReason,
  Output,
  OutputRules,
  Pwm,
  PwmRules,
} from '../../../device/hardware/lines/lines.js';
import { SimulatedLines } from '../../../device/hardware/lines/simulated/simulated-lines.js';
import { type Answer, done, failed } from '../../../device/kit/errors.js';
import type { SimulatedClock } from '../../../device/kit/simulated-clock.js';

type OffAnswer = Answer<Off, LineFault>;

/** Simulated lines with a latency of `latencyMs` each way. They record all commands and fail on request of a test. */
export class WatchedLines implements Lines {
  readonly #lines: SimulatedLines;
  readonly #outputs = new Set<string>();
  readonly #levels = new Map<string, boolean>();
  readonly #faults = new Map<string, LineFault>();
  readonly #turnOffs = new Map<string, (reason: OffReason) => void>();
  /** Drops all edges, as after an overflow. */
  losesEdges = false;
  /** Records what went on and off, in order: `+gate-paper`, `-gate-paper command`, `+gate-servo 1500`. */
  readonly log: string[] = [];
  /** Requests that the rules forbid. A caller that follows the rules makes none. */
  readonly refusals: string[] = [];

  constructor(
    private readonly clock: SimulatedClock,
    private readonly latencyMs = 0,
  ) {
    this.#lines = new SimulatedLines({ clock });
  }

  /** Names of the outputs that are on. */
  get on(): string[] {
    return [...this.#outputs].filter((name) => this.#lines.read(name) > 0);
  }

  /** Sets whether an input is active, also before it is requested. */
  set(name: string, active: boolean): void {
    this.#levels.set(name, active);
    if (this.#lines.isInput(name)) this.#lines.set(name, active);
  }

  /** Makes each request, command and read of a line fail with `code`. null: they succeed again. */
  fail(name: string, code: LineFault | null): void {
    if (code) this.#faults.set(name, code);
    else this.#faults.delete(name);
  }

  /** Turns an output off with this reason, without a command. */
  turnOff(name: string, reason: OffReason): void {
    this.#turnOffs.get(name)?.(reason);
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#lines.start(signal);
  }

  async input(name: string, rules: InputRules): Promise<Answer<Input, LineFault>> {
    const answer = this.#fault(name) ?? (await this.#lines.input(name, rules));
    if (!answer.ok) return answer;
    const input = answer.value;
    this.#lines.set(name, this.#levels.get(name) ?? false);
    return done({
      name,
      active: async () => this.#fault(name) ?? input.active(),
      onEdge: (listener) => input.onEdge((edge) => this.losesEdges || listener(edge)),
    });
  }

  async output(name: string, rules: OutputRules): Promise<Answer<Output, LineFault>> {
    const answer = this.#fault(name) ?? (await this.#lines.output(name, rules));
    if (!answer.ok) return answer;
    const output = answer.value;
    this.#outputs.add(name);
    return done({
      name,
      pulse: (onMs, signal) => this.#drive(name, (late) => output.pulse(onMs, late), signal),
      hold: (signal) => this.#drive(name, (late) => output.hold(late), signal),
    });
  }

  async pwm(name: string, rules: PwmRules): Promise<Answer<Pwm, LineFault>> {
    const answer = this.#fault(name) ?? (await this.#lines.pwm(name, rules));
    if (!answer.ok) return answer;
    const pwm = answer.value;
    this.#outputs.add(name);
    return done({
      name,
      drive: (us, signal) => this.#drive(name, (late) => pwm.drive(us, late), signal, ` ${us}`),
    });
  }

  safe(): Promise<void> {
    return this.#lines.safe();
  }

  onHealth(listener: Parameters<Lines['onHealth']>[0]): void {
    this.#lines.onHealth(listener);
  }

  close(): Promise<void> {
    return this.#lines.close();
  }

  async #drive(
    name: string,
    start: (late: AbortSignal) => Promise<OffAnswer>,
    signal: AbortSignal,
    what = '',
  ): Promise<OffAnswer> {
    await this.#delay(() => {});
    const fault = this.#fault(name);
    if (fault) return fault;
    const late = new AbortController();
    const onAbort = () => void this.#delay(() => late.abort());
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
    let forcedReason: OffReason | null = null;
    const driven = start(late.signal);
    const isOn = this.#lines.read(name) > 0;
    if (isOn) {
      this.log.push(`+${name}${what}`);
      this.#turnOffs.set(name, (reason) => {
        forcedReason = reason;
        late.abort();
      });
    }
    const answer = await driven;
    signal.removeEventListener('abort', onAbort);
    if (!answer.ok) {
      if (answer.fault.code === 'line-refused') this.refusals.push(answer.fault.message);
      return answer;
    }
    const off = { ...answer.value, reason: forcedReason ?? answer.value.reason };
    if (isOn) this.log.push(`-${name} ${off.reason}`);
    return done(off);
  }

  /** Runs `task` after the latency. */
  async #delay(task: () => void): Promise<void> {
    if (this.latencyMs > 0) await new Promise<void>((go) => this.clock.after(this.latencyMs, go));
    task();
  }

  #fault(name: string) {
    const code = this.#faults.get(name);
    return code && failed(code, `the line "${name}" answers ${code}`, name);
  }
}
