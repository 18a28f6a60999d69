import type { Answer } from '../../../kit/errors.js';
import type { HealthListener } from '../../../kit/health.js';
import type { Input, InputRules, LineFault, Lines, Output, OutputRules, Pwm, PwmRules } from '../lines.js';
import { checkInput, checkOutput, checkPwm } from '../rules.js';
import { placeWords } from './protocol.js';
import { IoSupervisor, type SortbinIoOptions } from './supervisor.js';

/** Lines held by the process sortbin-io. It enforces their rules even if the daemon hangs or crashes. */
export class SortbinIoLines implements Lines {
  readonly #io: IoSupervisor;

  constructor(options: SortbinIoOptions) {
    this.#io = new IoSupervisor(options);
  }

  /** Process id of sortbin-io, if it runs. */
  get pid(): number | undefined {
    return this.#io.pid;
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#io.start(signal);
  }

  async input(name: string, rules: InputRules): Promise<Answer<Input, LineFault>> {
    const fault = checkInput(name, rules, this.#io.registry);
    return fault ? { ok: false, fault } : this.#io.requestInput(name, rules);
  }

  async output(name: string, rules: OutputRules): Promise<Answer<Output, LineFault>> {
    const fault = checkOutput(name, rules, this.#io.registry);
    return fault ? { ok: false, fault } : this.#io.requestOutput(name, placeWords(rules.at), rules);
  }

  async pwm(name: string, rules: PwmRules): Promise<Answer<Pwm, LineFault>> {
    const fault = checkPwm(name, rules, this.#io.registry);
    return fault ? { ok: false, fault } : this.#io.requestPwm(name, rules);
  }

  safe(): Promise<void> {
    return this.#io.safe();
  }

  onHealth(listener: HealthListener<LineFault>): void {
    this.#io.onHealth(listener);
  }

  close(): Promise<void> {
    return this.#io.close();
  }
}
