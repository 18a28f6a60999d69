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
} from '../../device/hardware/lines/lines.js';
import { SimulatedLines } from '../../device/hardware/lines/simulated/simulated-lines.js';
import { type Answer, done, failed } from '../../device/kit/errors.js';
import type { SimulatedClock } from '../../device/kit/simulated-clock.js';

type Given = Answer<Off, LineFault>;

/** Simulated lines whose commands take `latencyMs` each way, which are written down, and which fail as a test says. */
export class WatchedLines implements Lines {
  readonly #lines: SimulatedLines;
  readonly #outputs = new Set<string>();
  readonly #levels = new Map<string, boolean>();
  readonly #faults = new Map<string, LineFault>();
  readonly #cuts = new Map<string, (reason: OffReason) => void>();
  /** Edges are lost, as by an overflow. */
  deaf = false;
  /** What went on and off, in order: `+gate-paper`, `-gate-paper command`, `+gate-servo 1500`. */
  readonly log: string[] = [];
  /** What was asked for against the rules: a driver that keeps them itself has none. */
  readonly refusals: string[] = [];

  constructor(
    private readonly clock: SimulatedClock,
    private readonly latencyMs = 0,
  ) {
    this.#lines = new SimulatedLines({ clock });
  }

  /** The outputs that are on. */
  get on(): string[] {
    return [...this.#outputs].filter((name) => this.#lines.read(name) > 0);
  }

  /** Sets an input's level from outside, before it is taken too. */
  set(name: string, active: boolean): void {
    this.#levels.set(name, active);
    if (this.#lines.isInput(name)) this.#lines.set(name, active);
  }

  /** Has a line refused, when it is requested and when it is driven or read; null: no more. */
  fail(name: string, code: LineFault | null): void {
    if (code) this.#faults.set(name, code);
    else this.#faults.delete(name);
  }

  /** Turns an output off as no command would. */
  cut(name: string, reason: OffReason): void {
    this.#cuts.get(name)?.(reason);
  }

  start(): Promise<void> {
    return this.#lines.start();
  }

  async input(name: string, rules: InputRules): Promise<Answer<Input, LineFault>> {
    const taken = this.#fault(name) ?? (await this.#lines.input(name, rules));
    if (!taken.ok) return taken;
    const input = taken.value;
    this.#lines.set(name, this.#levels.get(name) ?? false);
    return done({
      name,
      active: async () => this.#fault(name) ?? input.active(),
      onEdge: (listener) => input.onEdge((edge) => this.deaf || listener(edge)),
    });
  }

  async output(name: string, rules: OutputRules): Promise<Answer<Output, LineFault>> {
    const taken = this.#fault(name) ?? (await this.#lines.output(name, rules));
    if (!taken.ok) return taken;
    const output = taken.value;
    this.#outputs.add(name);
    return done({
      name,
      pulse: (onMs, signal) => this.#through(name, (late) => output.pulse(onMs, late), signal),
      hold: (signal) => this.#through(name, (late) => output.hold(late), signal),
    });
  }

  async pwm(name: string, rules: PwmRules): Promise<Answer<Pwm, LineFault>> {
    const taken = this.#fault(name) ?? (await this.#lines.pwm(name, rules));
    if (!taken.ok) return taken;
    const pwm = taken.value;
    this.#outputs.add(name);
    return done({
      name,
      drive: (us, signal) => this.#through(name, (late) => pwm.drive(us, late), signal, ` ${us}`),
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

  async #through(
    name: string,
    drive: (late: AbortSignal) => Promise<Given>,
    signal: AbortSignal,
    what = '',
  ): Promise<Given> {
    await this.#after(() => {});
    const fault = this.#fault(name);
    if (fault) return fault;
    const late = new AbortController();
    const onAbort = () => void this.#after(() => late.abort());
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
    let cut: OffReason | null = null;
    const driven = drive(late.signal);
    const isOn = this.#lines.read(name) > 0;
    if (isOn) {
      this.log.push(`+${name}${what}`);
      this.#cuts.set(name, (reason) => {
        cut = reason;
        late.abort();
      });
    }
    const given = await driven;
    signal.removeEventListener('abort', onAbort);
    if (!given.ok) {
      if (given.fault.code === 'line-refused') this.refusals.push(given.fault.message);
      return given;
    }
    const off = { ...given.value, reason: cut ?? given.value.reason };
    if (isOn) this.log.push(`-${name} ${off.reason}`);
    return done(off);
  }

  /** At once where there is no latency. */
  async #after(task: () => void): Promise<void> {
    if (this.latencyMs > 0) await new Promise<void>((go) => this.clock.after(this.latencyMs, go));
    task();
  }

  #fault(name: string) {
    const code = this.#faults.get(name);
    return code && failed(code, `the line "${name}" answers ${code}`);
  }
}
