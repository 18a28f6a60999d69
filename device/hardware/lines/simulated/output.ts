import { type Answer, done, type Fault, failed } from '../../../kit/errors.js';
import type { LineFault, Off, OffReason, Output, OutputRules, Pwm, PwmRules } from '../lines.js';
import { checkDuty, checkPulse } from '../rules.js';
import { nowNs } from '../time.js';
import type { SimulatedBoard } from './board.js';

interface On {
  readonly value: number;
  readonly end: (reason: OffReason) => void;
}

class SimulatedActuator {
  #on: On | null = null;
  #offAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly name: string,
    private readonly limits: Pick<OutputRules, 'maxOnMs' | 'minOffMs' | 'group' | 'guards'>,
    private readonly board: SimulatedBoard,
  ) {}

  /** 0 while off. While on, 1 for an output and the pulse length in microseconds for a PWM channel. */
  get value(): number {
    return this.#on?.value ?? 0;
  }

  get group(): string | null {
    return this.limits.group;
  }

  get guards(): readonly string[] {
    return this.limits.guards;
  }

  turnOff(reason: OffReason): void {
    this.#on?.end(reason);
  }

  protected async turnOn(value: number, onMs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    const fault = this.board.faultOf(this.name) ?? this.#refusal();
    if (fault) return { ok: false, fault };
    if (signal.aborted) return done({ reason: 'command', atNs: nowNs(this.board.clock) });
    return done(await this.#untilOff(value, onMs, signal));
  }

  #untilOff(value: number, onMs: number, signal: AbortSignal): Promise<Off> {
    const { clock } = this.board;
    const { maxOnMs } = this.limits;
    return new Promise((resolve) => {
      const onAbort = () => this.turnOff('command');
      const reason = onMs <= maxOnMs ? 'time' : 'bound';
      const cancel = clock.after(Math.min(onMs, maxOnMs), () => this.turnOff(reason));
      const end = (reason: OffReason) => {
        cancel();
        signal.removeEventListener('abort', onAbort);
        this.#on = null;
        this.#offAtMs = clock.monotonicMs();
        resolve({ reason, atNs: nowNs(clock) });
      };
      this.#on = { value, end };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #refusal(): Fault<LineFault> | null {
    const { minOffMs, group, guards } = this.limits;
    const refuse = (why: string) => failed('line-refused', `"${this.name}": ${why}`, this.name).fault;
    if (this.#on) return refuse('already on. Wait until it is off.');
    const other = group === null ? undefined : this.board.outputOnIn(group);
    if (other !== undefined) return refuse(`"${other}" of group "${group}" is on. Wait until it is off.`);
    const waitMs = this.#offAtMs + minOffMs - this.board.clock.monotonicMs();
    if (waitMs > 0) return refuse(`stays off for ${Math.ceil(waitMs)} ms more. Try again after that.`);
    if (!this.board.isGuarded(guards)) return null;
    const message = `"${this.name}": stays off because a guard is active (${guards.join(', ')}). Clear what the guard detects.`;
    return failed('line-guarded', message, this.name).fault;
  }
}

export class SimulatedOutput extends SimulatedActuator implements Output {
  async pulse(onMs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    const fault = checkPulse(this.name, onMs);
    return fault ? { ok: false, fault } : this.turnOn(1, onMs, signal);
  }

  hold(signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    return this.turnOn(1, Number.POSITIVE_INFINITY, signal);
  }
}

export class SimulatedPwm extends SimulatedActuator implements Pwm {
  constructor(
    name: string,
    private readonly rules: PwmRules,
    board: SimulatedBoard,
  ) {
    super(name, { ...rules, minOffMs: 0, group: null }, board);
  }

  async drive(pulseUs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    const fault = checkDuty(this.name, pulseUs, this.rules);
    return fault ? { ok: false, fault } : this.turnOn(pulseUs, Number.POSITIVE_INFINITY, signal);
  }
}
