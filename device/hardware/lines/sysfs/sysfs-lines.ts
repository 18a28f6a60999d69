import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Answer, done, type Fault, failed, messageOf, SortbinError } from '../../../kit/errors.js';
import type { HealthListener } from '../../../kit/health.js';
import { LinesHealth } from '../health.js';
import type { Input, InputRules, LineFault, Lines, Output, OutputRules, Pwm, PwmRules } from '../lines.js';
import { checkInput, checkOutput, checkPwm, type KnownLines } from '../rules.js';
import { IoSupervisor, type SortbinIoOptions } from '../sortbin-io/supervisor.js';
import { numberOf } from './chips.js';
import { sysfsFault, USE_SORTBIN_IO } from './faults.js';
import { SysfsInput } from './input.js';
import { InputWatch } from './input-watch.js';
import { loadOnoff, type OnoffConstructor, type OnoffGpio } from './onoff.js';
import { guardOutput, guardPwm, type SoftwareGuards } from './software-guards.js';

export interface SysfsLinesOptions extends SortbinIoOptions {
  /** Folder of the kernel's GPIO lines. */
  readonly root?: string;
  /** Loads the package onoff. */
  readonly load?: () => Promise<OnoffConstructor>;
}

const ROOT = '/sys/class/gpio';

/**
 * Lines of an older installation, by sysfs. The package onoff reads inputs and exports outputs, off.
 * sortbin-io then drives the outputs and enforces their maximum on-times and leases, even if the daemon hangs.
 * The daemon checks their guards and whether the inputs can still be read.
 * Outputs stay exported after `close`, so that they always have an owner.
 */
export class SysfsLines implements Lines {
  readonly #options: SysfsLinesOptions;
  readonly #root: string;
  readonly #io: IoSupervisor;
  readonly #inputs = new Map<string, SysfsInput>();
  readonly #health = new LinesHealth();
  readonly #watch: InputWatch;
  readonly #known: KnownLines;
  #Gpio: OnoffConstructor | null = null;

  constructor(options: SysfsLinesOptions) {
    this.#options = options;
    this.#root = options.root ?? ROOT;
    this.#io = new IoSupervisor(options);
    this.#io.onHealth((fault) => this.#health.setDriverFault(fault));
    const { clock, log } = options;
    this.#watch = new InputWatch({ inputs: this.#inputs, health: this.#health, clock, log });
    const { registry } = this.#io;
    const inputs = this.#inputs;
    this.#known = {
      get size() {
        return inputs.size + registry.size;
      },
      has: (name) => inputs.has(name) || registry.has(name),
      isInput: (name) => inputs.has(name),
    };
  }

  async start(signal: AbortSignal): Promise<void> {
    const unsupported = (message: string, cause: unknown) =>
      new SortbinError<LineFault>('line-unsupported', message, { cause });
    try {
      await access(join(this.#root, 'export'));
    } catch (thrown) {
      throw unsupported(`${this.#root}: not available (${messageOf(thrown)}). ${USE_SORTBIN_IO}`, thrown);
    }
    try {
      this.#Gpio = await (this.#options.load ?? loadOnoff)();
    } catch (thrown) {
      throw unsupported(
        `Cannot load the package onoff (${messageOf(thrown)}). Run npm install onoff@6, or set lines.driver to sortbin-io.`,
        thrown,
      );
    }
    await this.#io.start(signal);
    this.#watch.start();
  }

  async input(name: string, rules: InputRules): Promise<Answer<Input, LineFault>> {
    const fault = checkInput(name, rules, this.#known);
    if (fault) return { ok: false, fault };
    if (rules.bias !== 'as-is') {
      return failed(
        'line-unsupported',
        `"${name}": sysfs cannot set the bias "${rules.bias}". Use "as-is" with a resistor, or set lines.driver to sortbin-io.`,
        name,
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
    const fault = this.#io.fault ?? checkOutput(name, rules, this.#known);
    if (fault) return { ok: false, fault };
    const number = await numberOf(this.#root, name, rules.at);
    if (!number.ok) return number;
    const offLevel = rules.activeLow ? 'high' : 'low';
    // The direction `out` would drive the line low at once, which may be on.
    // activeLow stays false, because sortbin-io inverts the level.
    const gpio = this.#export(name, number.value, offLevel, { activeLow: false });
    if (!gpio.ok) return gpio;
    const folder = join(this.#root, `gpio${number.value}`);
    const offFault = await this.#checkOff(name, folder, offLevel);
    if (offFault) return { ok: false, fault: offFault };
    const output = await this.#io.requestOutput(name, `file ${join(folder, 'value')}`, {
      ...rules,
      guards: [],
    });
    return output.ok ? done(guardOutput(output.value, this.#softwareGuards(rules.guards))) : output;
  }

  async pwm(name: string, rules: PwmRules): Promise<Answer<Pwm, LineFault>> {
    const fault = checkPwm(name, rules, this.#known);
    if (fault) return { ok: false, fault };
    const pwm = await this.#io.requestPwm(name, { ...rules, guards: [] });
    return pwm.ok ? done(guardPwm(pwm.value, this.#softwareGuards(rules.guards))) : pwm;
  }

  safe(): Promise<void> {
    return this.#io.safe();
  }

  onHealth(listener: HealthListener<LineFault>): void {
    this.#health.onHealth(listener);
  }

  async close(): Promise<void> {
    this.#watch.stop();
    await this.#io.close();
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

  /** Checks that an output is off. On a line that was exported before, onoff ignores settings that it cannot change. */
  async #checkOff(name: string, folder: string, offLevel: 'high' | 'low'): Promise<Fault<LineFault> | null> {
    const read = async (file: string) => (await readFile(join(folder, file), 'utf8')).trim();
    try {
      const [direction, activeLow, value] = [
        await read('direction'),
        await read('active_low'),
        await read('value'),
      ];
      if (direction === 'out' && activeLow === '0' && value === (offLevel === 'high' ? '1' : '0'))
        return null;
      const found = `direction ${direction}, active_low ${activeLow}, value ${value}`;
      const message = `"${name}" (${folder}): the output is not off (${found}). Check who may write to this folder.`;
      return { code: 'line-denied', message, detail: name };
    } catch (thrown) {
      return sysfsFault(name, folder, thrown);
    }
  }

  #softwareGuards(names: readonly string[]): SoftwareGuards {
    const inputs = names.flatMap((name) => this.#inputs.get(name) ?? []);
    return { inputs, clock: this.#options.clock };
  }
}
