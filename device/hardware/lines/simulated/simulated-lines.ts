import type { Clock } from '../../../kit/clock.js';
import { type Answer, done, type Fault } from '../../../kit/errors.js';
import { Health } from '../health.js';
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
import type { BoardInMemory } from './board.js';
import { InputInMemory } from './input.js';
import { OutputInMemory, PwmInMemory } from './output.js';

export interface SimulatedLinesOptions {
  readonly clock: Clock;
  /** Chips and named lines that this machine lacks; it has all others. */
  readonly missing?: readonly string[];
}

type Actuator = OutputInMemory | PwmInMemory;

/** Lines in memory, which keep the rules of real ones; what is outside of the machine is done by the test, or nobody. */
export class SimulatedLines implements Lines, BoardInMemory {
  readonly clock: Clock;
  readonly #missing: readonly string[];
  readonly #inputs = new Map<string, InputInMemory>();
  readonly #actuators = new Map<string, Actuator>();
  readonly #unplugged = new Set<string>();
  readonly #health = new Health();
  #down: Fault<LineFault> | null = null;

  constructor({ clock, missing = [] }: SimulatedLinesOptions) {
    this.clock = clock;
    this.#missing = missing;
  }

  async start(): Promise<void> {}

  async input(name: string, rules: InputRules): Promise<Answer<Input, LineFault>> {
    const fault = this.#down ?? checkInput(name, rules, this) ?? this.#absence(name, rules.at);
    if (fault) return { ok: false, fault };
    const input = new InputInMemory(name, rules, this);
    this.#inputs.set(name, input);
    return done(input);
  }

  async output(name: string, rules: OutputRules): Promise<Answer<Output, LineFault>> {
    const fault = this.#down ?? checkOutput(name, rules, this) ?? this.#absence(name, rules.at);
    return fault ? { ok: false, fault } : done(this.#add(new OutputInMemory(name, rules, this)));
  }

  async pwm(name: string, rules: PwmRules): Promise<Answer<Pwm, LineFault>> {
    const { chip, channel } = rules.at;
    const fault = this.#down ?? checkPwm(name, rules, this) ?? this.#absence(name, { chip, offset: channel });
    return fault ? { ok: false, fault } : done(this.#add(new PwmInMemory(name, rules, this)));
  }

  async safe(): Promise<void> {
    for (const actuator of this.#actuators.values()) actuator.off('command');
  }

  onHealth(listener: (fault: Fault<LineFault> | null) => void): void {
    this.#health.onChange(listener);
  }

  async close(): Promise<void> {
    await this.safe();
    this.#down = { code: 'lines-down', message: 'the lines are closed' };
    for (const input of this.#inputs.values()) input.close();
  }

  /** Makes an input active or not, from outside. */
  set(name: string, active: boolean): void {
    const input = this.#inputs.get(name);
    if (!input) throw new Error(`"${name}" is no input that was taken`);
    input.set(active);
  }

  /** What an output shows to the outside: 0 off, 1 on; of a servo, the length of its pulses in microseconds. */
  read(name: string): number {
    const actuator = this.#actuators.get(name);
    if (!actuator) throw new Error(`"${name}" is no output that was taken`);
    return actuator.value;
  }

  /** Takes the chip of a line away. */
  unplug(name: string): void {
    this.#unplugged.add(name);
    this.#actuators.get(name)?.off('gone');
    this.#health.line(name, this.fault(name));
    if (this.#inputs.has(name)) this.alarm(name);
  }

  plug(name: string): void {
    this.#unplugged.delete(name);
    this.#health.line(name, null);
    this.#inputs.get(name)?.settle();
  }

  /** What drives the lines dies. */
  fail(): void {
    for (const actuator of this.#actuators.values()) actuator.off('down');
    this.#down = { code: 'lines-down', message: 'what drives the simulated lines was told to fail' };
    this.#health.driver(this.#down);
  }

  recover(): void {
    this.#down = null;
    this.#health.driver(null);
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

  fault(name: string): Fault<LineFault> | null {
    if (this.#down || !this.#unplugged.has(name)) return this.#down;
    return { code: 'line-gone', message: `"${name}" was unplugged; plug its chip in again` };
  }

  guarded(guards: readonly string[]): boolean {
    return guards.some((guard) => this.#unplugged.has(guard) || this.#inputs.get(guard)?.steady !== false);
  }

  onOf(group: string): string | undefined {
    return [...this.#actuators.values()].find((other) => other.group === group && other.value > 0)?.name;
  }

  alarm(name: string): void {
    for (const actuator of this.#actuators.values()) {
      if (actuator.guards.includes(name)) actuator.off('guard');
    }
  }

  #add<T extends Actuator>(actuator: T): T {
    this.#actuators.set(actuator.name, actuator);
    return actuator;
  }

  #absence(name: string, at: LineRef): Fault<LineFault> | null {
    const place = 'chip' in at ? at.chip : at.line;
    if (!this.#missing.includes(place)) return null;
    return { code: 'line-missing', message: `"${name}": there is no ${place} on this simulated machine` };
  }
}
