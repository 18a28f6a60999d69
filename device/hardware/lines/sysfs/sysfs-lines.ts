import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, done, type Fault, failed, messageOf, SortbinError } from '../../../kit/errors.js';
import { Health } from '../health.js';
import type { Input, InputRules, LineFault, Lines, Output, OutputRules, Pwm, PwmRules } from '../lines.js';
import { checkInput, checkOutput, checkPwm, type TakenLines } from '../rules.js';
import { IoHost, type IoOptions } from '../sortbin-io/supervisor.js';
import { numberOf, sysfsFault } from './chips.js';
import { SysfsInput } from './input.js';
import { SysfsWatch } from './input-watch.js';
import { loadOnoff, type OnoffConstructor, type OnoffGpio } from './onoff.js';
import { type Guarding, guardedOutput, guardedPwm } from './software-guards.js';

export interface SysfsLinesOptions extends IoOptions {
  /** Where the kernel shows its lines. */
  readonly root?: string;
  /** The package onoff. */
  readonly load?: () => Promise<OnoffConstructor>;
}

const ROOT = '/sys/class/gpio';

/**
 * The lines of an older installation, by sysfs. Inputs are read by the package onoff; outputs are exported by it,
 * off, and then driven by sortbin-io, which keeps their bounds and leases whatever becomes of the daemon. Their guards
 * are watched by the daemon, and so is whether the inputs are still there. Outputs stay exported after `close`:
 * unexported, they would be nobody's.
 */
export class SysfsLines implements Lines {
  readonly #options: SysfsLinesOptions;
  readonly #root: string;
  readonly #host: IoHost;
  readonly #inputs = new Map<string, SysfsInput>();
  readonly #health = new Health();
  readonly #watch: SysfsWatch;
  readonly #taken: TakenLines;
  #Gpio: OnoffConstructor | null = null;

  constructor(options: SysfsLinesOptions) {
    this.#options = options;
    this.#root = options.root ?? ROOT;
    this.#host = new IoHost(options);
    this.#host.onHealth((fault) => this.#health.driver(fault));
    const { clock, log } = options;
    this.#watch = new SysfsWatch({ inputs: this.#inputs, health: this.#health, clock, log });
    const { registry: held } = this.#host;
    const inputs = this.#inputs;
    this.#taken = {
      get size() {
        return inputs.size + held.size;
      },
      has: (name) => inputs.has(name) || held.has(name),
      isInput: (name) => inputs.has(name),
    };
  }

  async start(): Promise<void> {
    const give = (message: string, cause: unknown) =>
      new SortbinError<LineFault>('line-unsupported', `${message}; use the driver sortbin-io`, { cause });
    try {
      await access(join(this.#root, 'export'));
    } catch (thrown) {
      throw give(`this kernel has no ${this.#root} (${messageOf(thrown)})`, thrown);
    }
    try {
      this.#Gpio = await (this.#options.load ?? loadOnoff)();
    } catch (thrown) {
      throw give(
        `the package onoff cannot be used (${messageOf(thrown)}): npm install onoff@6 brings it`,
        thrown,
      );
    }
    await this.#host.start();
    this.#watch.start();
  }

  async input(name: string, rules: InputRules): Promise<Answer<Input, LineFault>> {
    const fault = checkInput(name, rules, this.#taken);
    if (fault) return { ok: false, fault };
    if (rules.bias !== 'as-is') {
      return failed(
        'line-unsupported',
        `"${name}": sysfs cannot set the bias "${rules.bias}"; use "as-is" with a resistor, or the driver sortbin-io`,
      );
    }
    const { activeLow, debounceMs } = rules;
    const number = await numberOf(this.#root, name, rules.at);
    if (!number.ok) return number;
    const debounce = debounceMs > 0 ? { debounceTimeout: debounceMs } : {};
    const gpio = this.#export(name, number.value, 'in', { activeLow, ...debounce });
    if (!gpio.ok) return gpio;
    try {
      const { clock, log } = this.#options;
      const input = new SysfsInput(name, rules, gpio.value, clock, log);
      this.#inputs.set(name, input);
      return done(input);
    } catch (thrown) {
      return { ok: false, fault: sysfsFault(name, `gpio${number.value}`, thrown) };
    }
  }

  async output(name: string, rules: OutputRules): Promise<Answer<Output, LineFault>> {
    const fault = this.#host.fault ?? checkOutput(name, rules, this.#taken);
    if (fault) return { ok: false, fault };
    const number = await numberOf(this.#root, name, rules.at);
    if (!number.ok) return number;
    const off = rules.activeLow ? 'high' : 'low';
    // Never `out`, which drives the line low at once. The level is the line's own: sortbin-io inverts it.
    const gpio = this.#export(name, number.value, off, { activeLow: false });
    if (!gpio.ok) return gpio;
    const folder = join(this.#root, `gpio${number.value}`);
    const refused = await this.#notOff(name, folder, off);
    if (refused) return { ok: false, fault: refused };
    const output = await this.#host.takeOutput(name, `file ${join(folder, 'value')}`, {
      ...rules,
      guards: [],
    });
    return output.ok ? done(guardedOutput(output.value, this.#guarding(rules.guards))) : output;
  }

  async pwm(name: string, rules: PwmRules): Promise<Answer<Pwm, LineFault>> {
    const fault = checkPwm(name, rules, this.#taken);
    if (fault) return { ok: false, fault };
    const pwm = await this.#host.takePwm(name, { ...rules, guards: [] });
    return pwm.ok ? done(guardedPwm(pwm.value, this.#guarding(rules.guards))) : pwm;
  }

  safe(): Promise<void> {
    return this.#host.safe();
  }

  onHealth(listener: (fault: Fault<LineFault> | null) => void): void {
    this.#health.onChange(listener);
  }

  async close(): Promise<void> {
    this.#watch.stop();
    await this.#host.close();
    for (const input of this.#inputs.values()) input.close();
    this.#inputs.clear();
  }

  #export(
    name: string,
    number: number,
    direction: 'in' | 'high' | 'low',
    options: { readonly activeLow: boolean; readonly debounceTimeout?: number },
  ): Answer<OnoffGpio, LineFault> {
    if (!this.#Gpio) return failed('lines-down', 'the lines are not started');
    try {
      return done(new this.#Gpio(number, direction, direction === 'in' ? 'both' : 'none', options));
    } catch (thrown) {
      return { ok: false, fault: sysfsFault(name, `gpio${number}`, thrown) };
    }
  }

  /** onoff passes over what it could not set on a line that somebody had exported before. */
  async #notOff(name: string, folder: string, off: 'high' | 'low'): Promise<Fault<LineFault> | null> {
    const read = async (file: string) => (await readFile(join(folder, file), 'utf8')).trim();
    try {
      const [direction, low, value] = [
        await read('direction'),
        await read('active_low'),
        await read('value'),
      ];
      if (direction === 'out' && low === '0' && value === (off === 'high' ? '1' : '0')) return null;
      const found = `direction ${direction}, active_low ${low}, value ${value}`;
      const message = `"${name}" (${folder}) did not go off: ${found}; see who may write there`;
      return { code: 'line-denied', message };
    } catch (thrown) {
      return sysfsFault(name, folder, thrown);
    }
  }

  #guarding(names: readonly string[]): Guarding {
    const guards = names.flatMap((name) => this.#inputs.get(name) ?? []);
    return { guards, clock: this.#options.clock };
  }
}
