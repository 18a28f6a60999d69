import type { Clock } from '../../../kit/clock.js';
import { type Answer, done, type Fault, failed } from '../../../kit/errors.js';
import type { HealthListener } from '../../../kit/health.js';
import { LinesHealth } from '../health.js';
import type {
  Input,
  InputRules,
  LineFault,
  LineRef,
  Lines,
  Output,
  OutputRules,
  Pwm,
  PwmRules,
} from '../lines.js';
import { checkInput, checkOutput, checkPwm } from '../rules.js';
import type { SimulatedBoard } from './board.js';
import { SimulatedInput } from './input.js';
import { SimulatedOutput, SimulatedPwm } from './output.js';

export interface SimulatedLinesOptions {
  readonly clock: Clock;
  /** Names of chips and lines that do not exist on this machine. All others exist. */
  readonly missing?: readonly string[];
}

type Actuator = SimulatedOutput | SimulatedPwm;

/** Lines in memory that enforce the rules of real lines. Only a test changes an input or unplugs a chip. */
export class SimulatedLines implements Lines, SimulatedBoard {
  readonly clock: Clock;
  readonly #missing: readonly string[];
  readonly #inputs = new Map<string, SimulatedInput>();
  readonly #actuators = new Map<string, Actuator>();
  readonly #unplugged = new Set<string>();
  readonly #health = new LinesHealth();
  #down: Fault<LineFault> | null = null;

  constructor({ clock, missing = [] }: SimulatedLinesOptions) {
    this.clock = clock;
    this.#missing = missing;
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
  }

  async input(name: string, rules: InputRules): Promise<Answer<Input, LineFault>> {
    const fault = this.#down ?? checkInput(name, rules, this) ?? this.#missingFault(name, rules.at);
    if (fault) return { ok: false, fault };
    const input = new SimulatedInput(name, rules, this);
    this.#inputs.set(name, input);
    return done(input);
  }

  async output(name: string, rules: OutputRules): Promise<Answer<Output, LineFault>> {
    const fault = this.#down ?? checkOutput(name, rules, this) ?? this.#missingFault(name, rules.at);
    return fault ? { ok: false, fault } : done(this.#add(new SimulatedOutput(name, rules, this)));
  }

  async pwm(name: string, rules: PwmRules): Promise<Answer<Pwm, LineFault>> {
    const { chip, channel } = rules.at;
    const fault =
      this.#down ?? checkPwm(name, rules, this) ?? this.#missingFault(name, { chip, offset: channel });
    return fault ? { ok: false, fault } : done(this.#add(new SimulatedPwm(name, rules, this)));
  }

  async safe(): Promise<void> {
    for (const actuator of this.#actuators.values()) actuator.turnOff('command');
  }

  onHealth(listener: HealthListener<LineFault>): void {
    this.#health.onHealth(listener);
  }

  async close(): Promise<void> {
    await this.safe();
    this.#down = { code: 'lines-down', message: 'the lines are closed' };
    for (const input of this.#inputs.values()) input.close();
  }

  /** Sets whether an input is active. */
  set(name: string, active: boolean): void {
    const input = this.#inputs.get(name);
    if (!input) throw new Error(`"${name}" is not a requested input`);
    input.set(active);
  }

  /** Returns the level of an output: 0 off, 1 on. For a PWM channel, returns the pulse length in microseconds. */
  read(name: string): number {
    const actuator = this.#actuators.get(name);
    if (!actuator) throw new Error(`"${name}" is not a requested output`);
    return actuator.value;
  }

  /** Unplugs the chip of a line. */
  unplug(name: string): void {
    this.#unplugged.add(name);
    this.#actuators.get(name)?.turnOff('gone');
    this.#health.setLineFault(name, this.faultOf(name));
    if (this.#inputs.has(name)) this.tripGuard(name);
  }

  plug(name: string): void {
    this.#unplugged.delete(name);
    this.#health.setLineFault(name, null);
    this.#inputs.get(name)?.settle();
  }

  /** Stops the simulated lines until `recover`. */
  fail(): void {
    for (const actuator of this.#actuators.values()) actuator.turnOff('down');
    this.#down = { code: 'lines-down', message: 'the simulated lines are stopped' };
    this.#health.setDriverFault(this.#down);
  }

  recover(): void {
    this.#down = null;
    this.#health.setDriverFault(null);
    for (const input of this.#inputs.values()) input.settle();
  }

  get size(): number {
    return this.#inputs.size + this.#actuators.size;
  }

  has(name: string): boolean {
    return this.#inputs.has(name) || this.#actuators.has(name);
  }

  isInput(name: string): boolean {
    return this.#inputs.has(name);
  }

  faultOf(name: string): Fault<LineFault> | null {
    if (this.#down || !this.#unplugged.has(name)) return this.#down;
    return failed('line-gone', `"${name}": the chip was unplugged. Plug it in again.`, name).fault;
  }

  isGuarded(guards: readonly string[]): boolean {
    return guards.some((guard) => this.#unplugged.has(guard) || this.#inputs.get(guard)?.steady !== false);
  }

  outputOnIn(group: string): string | undefined {
    return [...this.#actuators.values()].find((other) => other.group === group && other.value > 0)?.name;
  }

  tripGuard(name: string): void {
    for (const actuator of this.#actuators.values()) {
      if (actuator.guards.includes(name)) actuator.turnOff('guard');
    }
  }

  #add<T extends Actuator>(actuator: T): T {
    this.#actuators.set(actuator.name, actuator);
    return actuator;
  }

  #missingFault(name: string, at: LineRef): Fault<LineFault> | null {
    const place = 'chip' in at ? at.chip : at.line;
    if (!this.#missing.includes(place)) return null;
    return failed('line-missing', `"${name}" (${place}): not found on this simulated machine`, name).fault;
  }
}
