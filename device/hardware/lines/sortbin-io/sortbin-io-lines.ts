import type { Answer, Fault } from '../../../kit/errors.js';
import type { Input, InputRules, LineFault, Lines, Output, OutputRules, Pwm, PwmRules } from '../lines.js';
import { checkInput, checkOutput, checkPwm } from '../rules.js';
import { place } from './protocol.js';
import { IoHost, type IoOptions } from './supervisor.js';

/** The lines by the process sortbin-io, which holds them and keeps their rules whatever becomes of the daemon. */
export class IoLines implements Lines {
  readonly #host: IoHost;

  constructor(options: IoOptions) {
    this.#host = new IoHost(options);
  }

  /** Of sortbin-io, where it runs. */
  get pid(): number | undefined {
    return this.#host.pid;
  }

  start(): Promise<void> {
    return this.#host.start();
  }

  async input(name: string, rules: InputRules): Promise<Answer<Input, LineFault>> {
    const fault = checkInput(name, rules, this.#host.registry);
    return fault ? { ok: false, fault } : this.#host.takeInput(name, rules);
  }

  async output(name: string, rules: OutputRules): Promise<Answer<Output, LineFault>> {
    const fault = checkOutput(name, rules, this.#host.registry);
    return fault ? { ok: false, fault } : this.#host.takeOutput(name, place(rules.at), rules);
  }

  async pwm(name: string, rules: PwmRules): Promise<Answer<Pwm, LineFault>> {
    const fault = checkPwm(name, rules, this.#host.registry);
    return fault ? { ok: false, fault } : this.#host.takePwm(name, rules);
  }

  safe(): Promise<void> {
    return this.#host.safe();
  }

  onHealth(listener: (fault: Fault<LineFault> | null) => void): void {
    this.#host.onHealth(listener);
  }

  close(): Promise<void> {
    return this.#host.close();
  }
}
