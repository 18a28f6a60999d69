import { type Answer, done, type Fault, failed } from '../../../kit/errors.js';
import type { LineFault, Off, OffReason, Output, OutputRules, Pwm, PwmRules } from '../lines.js';
import { checkDuty, checkPulse } from '../rules.js';
import { nowNs } from '../time.js';
import type { BoardInMemory } from './board.js';

interface On {
  readonly value: number;
  readonly end: (reason: OffReason) => void;
}

class ActuatorInMemory {
  #on: On | null = null;
  #offAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly name: string,
    private readonly limits: Pick<OutputRules, 'maxOnMs' | 'minOffMs' | 'group' | 'guards'>,
    private readonly board: BoardInMemory,
  ) {}

  /** 0: off; else 1, or the length of the pulses in microseconds. */
  get value(): number {
    return this.#on?.value ?? 0;
  }

  get group(): string | null {
    return this.limits.group;
  }

  get guards(): readonly string[] {
    return this.limits.guards;
  }

  off(reason: OffReason): void {
    this.#on?.end(reason);
  }

  protected async on(value: number, onMs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    const fault = this.board.fault(this.name) ?? this.#refusal();
    if (fault) return { ok: false, fault };
    if (signal.aborted) return done({ reason: 'command', atNs: nowNs(this.board.clock) });
    return done(await this.#stay(value, onMs, signal));
  }

  #stay(value: number, onMs: number, signal: AbortSignal): Promise<Off> {
    const { clock } = this.board;
    const { maxOnMs } = this.limits;
    return new Promise((resolve) => {
      const onAbort = () => this.off('command');
      const cancel = clock.after(Math.min(onMs, maxOnMs), () => this.off(onMs <= maxOnMs ? 'time' : 'bound'));
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
    const refuse = (why: string) => failed('line-refused', `"${this.name}" ${why}`).fault;
    if (this.#on) return refuse('is on already; wait until it is off');
    const other = group === null ? undefined : this.board.onOf(group);
    if (other !== undefined)
      return refuse(`and "${other}" are of the group "${group}"; wait until that is off`);
    const restMs = this.#offAtMs + minOffMs - this.board.clock.monotonicMs();
    if (restMs > 0) return refuse(`rests for ${Math.ceil(restMs)} ms more; ask again then`);
    if (!this.board.guarded(guards)) return null;
    return failed('line-guarded', `"${this.name}" stays off, a guard is active: ${guards.join(', ')}`).fault;
  }
}

export class OutputInMemory extends ActuatorInMemory implements Output {
  async pulse(onMs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    const fault = checkPulse(this.name, onMs);
    return fault ? { ok: false, fault } : this.on(1, onMs, signal);
  }

  hold(signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    return this.on(1, Number.POSITIVE_INFINITY, signal);
  }
}

export class PwmInMemory extends ActuatorInMemory implements Pwm {
  constructor(
    name: string,
    private readonly rules: PwmRules,
    board: BoardInMemory,
  ) {
    super(name, { ...rules, minOffMs: 0, group: null }, board);
  }

  async drive(pulseUs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    const fault = checkDuty(this.name, pulseUs, this.rules);
    return fault ? { ok: false, fault } : this.on(pulseUs, Number.POSITIVE_INFINITY, signal);
  }
}
