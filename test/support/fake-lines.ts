import type { Edge, Input, LineFault, Off, OffReason, Output } from '../../device/hardware/lines/lines.js';
import { type Answer, done, failed } from '../../device/kit/errors.js';
import type { SimulatedClock } from '../../device/kit/simulated-clock.js';

const nsOf = (clock: SimulatedClock): bigint => BigInt(Math.round(clock.monotonicMs() * 1e6));

/** The line that was asked for. */
export const unwrap = <Line>(answer: Answer<Line, LineFault>): Line => {
  if (!answer.ok) throw new Error(answer.fault.message);
  return answer.value;
};

/** An input whose level a test sets. */
export class FakeInput implements Input {
  fault: LineFault | null = null;
  hangs = false;
  #active = false;
  readonly #listeners = new Set<(edge: Edge) => void>();

  constructor(
    private readonly clock: SimulatedClock,
    readonly name = 'input',
  ) {}

  get listeners(): number {
    return this.#listeners.size;
  }

  /** An edge, where it changes anything; `missed`: others were lost before it. `atNs`: now, or when it really was. */
  set(active: boolean, missed = 0, atNs = nsOf(this.clock)): void {
    if (active === this.#active && missed === 0) return;
    this.#active = active;
    this.emit(active, missed, atNs);
  }

  /** An edge as a kernel may tell it, also where it is none. */
  emit(active: boolean, missed = 0, atNs = nsOf(this.clock)): void {
    for (const listener of [...this.#listeners]) listener({ active, atNs, missed });
  }

  async active(): Promise<Answer<boolean, LineFault>> {
    if (this.hangs) return new Promise(() => {});
    return this.fault ? failed(this.fault, `${this.name}: ${this.fault}`) : done(this.#active);
  }

  onEdge(listener: (edge: Edge) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** An output that a test watches. `minOffMs` is 0. */
export class FakeOutput implements Output {
  fault: LineFault | null = null;
  on = false;
  /** From the command to the moment at which it is off: a real one's is a few ms away. */
  offTakesMs = 0;
  /** Each change: when, and to what. */
  readonly history: [atMs: number, on: boolean][] = [];
  /** Called when it goes on. */
  onTurnedOn = () => {};
  #end: (reason: OffReason) => void = () => {};

  constructor(
    private readonly clock: SimulatedClock,
    readonly name = 'output',
    private readonly maxOnMs = 60_000,
  ) {}

  pulse(onMs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    return onMs <= this.maxOnMs ? this.#run(onMs, 'time', signal) : this.#run(this.maxOnMs, 'bound', signal);
  }

  hold(signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    return this.#run(this.maxOnMs, 'bound', signal);
  }

  /** It goes off without being asked. */
  turnOffBy(reason: OffReason): void {
    this.#end(reason);
  }

  async #run(onMs: number, reason: OffReason, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    if (this.fault) return failed(this.fault, `${this.name}: ${this.fault}`);
    if (this.on) return failed('line-refused', `${this.name}: it is on already`);
    if (signal.aborted) return done({ reason: 'command', atNs: nsOf(this.clock) });
    this.#turn(true);
    const ended = new Promise<OffReason>((resolve) => {
      this.#end = resolve;
    });
    const cancel = this.clock.after(onMs, () => this.#end(reason));
    const onAbort = () => {
      if (this.offTakesMs > 0) this.clock.after(this.offTakesMs, () => this.#end('command'));
      else this.#end('command');
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.onTurnedOn();
    const why = await ended;
    cancel();
    signal.removeEventListener('abort', onAbort);
    this.#turn(false);
    return done({ reason: why, atNs: nsOf(this.clock) });
  }

  #turn(on: boolean): void {
    this.on = on;
    this.history.push([this.clock.monotonicMs(), on]);
  }
}

/** Lets what is in front of an HC-SR04 throw its sound back, over `trig` and `echo`. */
export class FakeEcho {
  readonly trig: FakeOutput;
  readonly echo: FakeInput;
  /** How far away something is; Infinity: nothing is; null: the sensor is dead. */
  distanceMm: number | null = Infinity;
  /** Edges that are lost before the end of the echo. */
  missed = 0;
  measures = 0;

  constructor(
    clock: SimulatedClock,
    name = 'sonar',
    /** In m/s. */
    private readonly speed = 343.2,
    /** Of an echo that nothing ends. */
    private readonly longestMs = 38,
  ) {
    this.trig = new FakeOutput(clock, `${name}-trig`);
    this.echo = new FakeInput(clock, `${name}-echo`);
    this.trig.onTurnedOn = () => {
      this.measures++;
      const { distanceMm } = this;
      if (distanceMm === null) return;
      const underWayMs = Math.min(this.longestMs, (2 * distanceMm) / this.speed);
      clock.after(0.45, () => {
        this.echo.set(true);
        clock.after(underWayMs, () => this.echo.set(false, this.missed));
      });
    };
  }
}
