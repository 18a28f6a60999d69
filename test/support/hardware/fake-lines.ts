import type { Edge, Input, LineFault, Off, OffReason, Output } from '../../../device/hardware/lines/lines.js';
import { type Answer, done, failed } from '../../../device/kit/errors.js';
import type { SimulatedClock } from '../../../device/kit/simulated-clock.js';

const nsOf = (clock: SimulatedClock): bigint => BigInt(Math.round(clock.monotonicMs() * 1e6));

/** Returns the value of an answer, or throws its fault. */
export const unwrap = <Line>(answer: Answer<Line, LineFault>): Line => {
  if (!answer.ok) throw new Error(answer.fault.message);
  return answer.value;
};

/** An input with a level that the test sets. */
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

  /** Sets the level and emits an edge if the level changes or edges are missed. `missed`: edges lost before this one. */
  set(active: boolean, missed = 0, atNs = nsOf(this.clock)): void {
    if (active === this.#active && missed === 0) return;
    this.#active = active;
    this.emit(active, missed, atNs);
  }

  /** Emits an edge even if the level has not changed, as a kernel can. */
  emit(active: boolean, missed = 0, atNs = nsOf(this.clock)): void {
    for (const listener of [...this.#listeners]) listener({ active, atNs, missed });
  }

  async active(): Promise<Answer<boolean, LineFault>> {
    if (this.hangs) return new Promise(() => {});
    return this.fault ? failed(this.fault, `${this.name}: ${this.fault}`, this.name) : done(this.#active);
  }

  onEdge(listener: (edge: Edge) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** An output that records its changes. `minOffMs` is 0. */
export class FakeOutput implements Output {
  fault: LineFault | null = null;
  on = false;
  /** The time from the command until the output is off. A real one takes a few ms. */
  offDelayMs = 0;
  /** Each change with its time. */
  readonly history: [atMs: number, on: boolean][] = [];
  /** Called when the output is turned on. */
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

  /** Turns the output off without a command. */
  turnOffBy(reason: OffReason): void {
    this.#end(reason);
  }

  async #run(onMs: number, reason: OffReason, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    if (this.fault) return failed(this.fault, `${this.name}: ${this.fault}`, this.name);
    if (this.on) return failed('line-refused', `${this.name}: already on`, this.name);
    if (signal.aborted) return done({ reason: 'command', atNs: nsOf(this.clock) });
    this.#turn(true);
    const ended = new Promise<OffReason>((resolve) => {
      this.#end = resolve;
    });
    const cancel = this.clock.after(onMs, () => this.#end(reason));
    const onAbort = () => {
      if (this.offDelayMs > 0) this.clock.after(this.offDelayMs, () => this.#end('command'));
      else this.#end('command');
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.onTurnedOn();
    const offReason = await ended;
    cancel();
    signal.removeEventListener('abort', onAbort);
    this.#turn(false);
    return done({ reason: offReason, atNs: nsOf(this.clock) });
  }

  #turn(on: boolean): void {
    this.on = on;
    this.history.push([this.clock.monotonicMs(), on]);
  }
}

/** Simulates an HC-SR04 and the object in front of it, on `trig` and `echo`. */
export class FakeSonar {
  readonly trig: FakeOutput;
  readonly echo: FakeInput;
  /** The distance of the object. Infinity: no object. null: the sensor does not answer. */
  distanceMm: number | null = Infinity;
  /** The number of edges that are lost before the end of the echo. */
  missed = 0;
  measurements = 0;

  constructor(
    clock: SimulatedClock,
    name = 'sonar',
    /** The speed of sound in m/s. */
    private readonly speed = 343.2,
    /** The length of an echo without an object. */
    private readonly longestMs = 38,
  ) {
    this.trig = new FakeOutput(clock, `${name}-trig`);
    this.echo = new FakeInput(clock, `${name}-echo`);
    this.trig.onTurnedOn = () => {
      this.measurements++;
      const { distanceMm } = this;
      if (distanceMm === null) return;
      const travelMs = Math.min(this.longestMs, (2 * distanceMm) / this.speed);
      clock.after(0.45, () => {
        this.echo.set(true);
        clock.after(travelMs, () => this.echo.set(false, this.missed));
      });
    };
  }
}
