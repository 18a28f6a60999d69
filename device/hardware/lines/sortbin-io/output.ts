import type { Clock } from '../../../kit/clock.js';
import { type Answer, done, type Fault, failed } from '../../../kit/errors.js';
import type { LineFault, Off, Output, Pwm, PwmRules } from '../lines.js';
import { checkDuty, checkPulse } from '../rules.js';
import { nowNs, toUs, whenOverdue } from '../time.js';
import type { IoHolder, IoLine } from './line.js';
import type { IoEvent } from './protocol.js';

/** The time from the command to the moment at which it is off. */
interface Stay {
  readonly off: Promise<Off>;
  readonly end: (off: Off) => void;
  /** It was told to go off, so it must be off soon. */
  readonly expectEnd: () => void;
}

/** What an output and a PWM channel of sortbin-io have in common: they are on, for one at a time, and go off. */
class IoActuator implements IoLine {
  fault: Fault<LineFault> | null = null;
  #stay: Stay | null = null;

  constructor(
    readonly kind: 'output' | 'pwm',
    readonly name: string,
    readonly request: string,
    readonly where: string,
    private readonly maxOnMs: number,
    private readonly holder: IoHolder,
    private readonly clock: Clock,
  ) {}

  async taken(): Promise<void> {}

  hear(event: IoEvent): void {
    if (event.type === 'off') this.#stay?.end({ reason: event.reason, atNs: event.atNs });
  }

  lost(reason: 'gone' | 'down'): void {
    this.#stay?.end({ reason, atNs: nowNs(this.clock) });
  }

  async goOff(): Promise<void> {
    this.#stay?.expectEnd();
    await this.#stay?.off;
  }

  /** Has it go on by a command; `longestMs`: it must be off after that. */
  protected async on(
    command: string,
    longestMs: number,
    signal: AbortSignal,
  ): Promise<Answer<Off, LineFault>> {
    const fault = this.holder.fault ?? this.fault;
    if (fault) return { ok: false, fault };
    if (this.#stay) return failed('line-refused', `"${this.name}" is on already; wait until it is off`);
    if (signal.aborted) return done({ reason: 'command', atNs: nowNs(this.clock) });
    const { stay, dispose } = this.#begin(Math.min(longestMs, this.maxOnMs));
    const onAbort = () => {
      void this.holder.ask(`off ${this.name}`);
      stay.expectEnd();
    };
    try {
      const asked = this.holder.ask(command);
      signal.addEventListener('abort', onAbort, { once: true });
      const reply = await asked;
      // `down` is told as the reason: it may have been on.
      if (reply.ok || reply.code === 'down') return done(await stay.off);
      return { ok: false, fault: this.holder.refusal(this, reply) };
    } finally {
      signal.removeEventListener('abort', onAbort);
      dispose();
    }
  }

  #begin(longestMs: number): { readonly stay: Stay; readonly dispose: () => void } {
    const { answerMs } = this.holder;
    const overdue = (delayMs: number) =>
      whenOverdue(this.clock, delayMs, () => this.holder.distrust(`did not say that "${this.name}" is off`));
    let cancel = overdue(longestMs + answerMs);
    let end: (off: Off) => void = () => {};
    const off = new Promise<Off>((resolve) => {
      end = resolve;
    });
    const expectEnd = () => {
      cancel();
      cancel = overdue(answerMs);
    };
    const stay = { off, end, expectEnd };
    this.#stay = stay;
    const rest = this.holder.renewing(this);
    const dispose = () => {
      this.#stay = null;
      cancel();
      rest();
      // For whoever waits for a stay that never came about.
      end({ reason: 'command', atNs: nowNs(this.clock) });
    };
    return { stay, dispose };
  }
}

export class IoOutput extends IoActuator implements Output {
  constructor(name: string, request: string, where: string, maxOnMs: number, holder: IoHolder, clock: Clock) {
    super('output', name, request, where, maxOnMs, holder, clock);
  }

  async pulse(onMs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    const fault = checkPulse(this.name, onMs);
    return fault ? { ok: false, fault } : this.on(`on ${this.name} ${toUs(onMs)}`, onMs, signal);
  }

  hold(signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    return this.on(`on ${this.name}`, Number.POSITIVE_INFINITY, signal);
  }
}

export class IoPwm extends IoActuator implements Pwm {
  readonly #rules: PwmRules;

  constructor(name: string, request: string, where: string, rules: PwmRules, holder: IoHolder, clock: Clock) {
    super('pwm', name, request, where, rules.maxOnMs, holder, clock);
    this.#rules = rules;
  }

  async drive(pulseUs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    const fault = checkDuty(this.name, pulseUs, this.#rules);
    if (fault) return { ok: false, fault };
    return this.on(`duty ${this.name} ${pulseUs}`, Number.POSITIVE_INFINITY, signal);
  }
}
