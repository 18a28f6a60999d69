import type { Clock } from '../../../kit/clock.js';
import { whenOverdue } from '../../../kit/deadline.js';
import { deferred } from '../../../kit/deferred.js';
import { type Answer, done, type Fault, failed } from '../../../kit/errors.js';
import type { LineFault, Off, Output, Pwm, PwmRules } from '../lines.js';
import { checkDuty, checkPulse } from '../rules.js';
import { nowNs, toUs } from '../time.js';
import type { IoConnection, IoLine } from './line.js';
import type { IoEvent } from './protocol.js';

/** The period from the command that turns an output on until it is off. */
interface OnPeriod {
  readonly off: Promise<Off>;
  readonly end: (off: Off) => void;
  /** Starts the answer time, within which sortbin-io must report the output off. */
  readonly expectEnd: () => void;
}

/** Common part of an output and a PWM channel: one command at a time turns it on, then it goes off. */
class IoActuator implements IoLine {
  fault: Fault<LineFault> | null = null;
  #period: OnPeriod | null = null;

  constructor(
    readonly kind: 'output' | 'pwm',
    readonly name: string,
    readonly requestCommand: string,
    readonly place: string,
    private readonly maxOnMs: number,
    private readonly connection: IoConnection,
    private readonly clock: Clock,
  ) {}

  async onRequested(): Promise<void> {}

  handle(event: IoEvent): void {
    if (event.type === 'off') this.#period?.end({ reason: event.reason, atNs: event.atNs });
  }

  onLost(reason: 'gone' | 'down'): void {
    this.#period?.end({ reason, atNs: nowNs(this.clock) });
  }

  async untilOff(): Promise<void> {
    this.#period?.expectEnd();
    await this.#period?.off;
  }

  /** Turns it on by `command`. It must go off again within `longestMs` and the maximum on-time. */
  protected async turnOn(
    command: string,
    longestMs: number,
    signal: AbortSignal,
  ): Promise<Answer<Off, LineFault>> {
    const fault = this.connection.fault ?? this.fault;
    if (fault) return { ok: false, fault };
    if (this.#period) {
      return failed(
        'line-refused',
        `"${this.name}" (${this.place}): already on. Wait until it is off.`,
        this.name,
      );
    }
    if (signal.aborted) return done({ reason: 'command', atNs: nowNs(this.clock) });
    const { period, dispose } = this.#begin(Math.min(longestMs, this.maxOnMs));
    const onAbort = () => {
      void this.connection.send(`off ${this.name}`);
      period.expectEnd();
    };
    try {
      const replied = this.connection.send(command);
      signal.addEventListener('abort', onAbort, { once: true });
      const reply = await replied;
      // If sortbin-io ended, the output may have been on. The caller then gets the reason `down`, not a fault.
      if (reply.ok || reply.code === 'down') return done(await period.off);
      return { ok: false, fault: this.connection.toFault(this, reply) };
    } finally {
      signal.removeEventListener('abort', onAbort);
      dispose();
    }
  }

  #begin(longestMs: number): { readonly period: OnPeriod; readonly dispose: () => void } {
    const { answerMs } = this.connection;
    const killAfter = (delayMs: number) =>
      whenOverdue(this.clock, delayMs, () =>
        this.connection.killProcess(`did not report that "${this.name}" is off`),
      );
    let cancel = killAfter(longestMs + answerMs);
    const { promise: off, resolve: end } = deferred<Off>();
    const expectEnd = () => {
      cancel();
      cancel = killAfter(answerMs);
    };
    const period = { off, end, expectEnd };
    this.#period = period;
    const stopRenewing = this.connection.startRenewing(this);
    const dispose = () => {
      this.#period = null;
      cancel();
      stopRenewing();
      // Resolves `untilOff` if the output never went on.
      end({ reason: 'command', atNs: nowNs(this.clock) });
    };
    return { period, dispose };
  }
}

export class IoOutput extends IoActuator implements Output {
  constructor(
    name: string,
    requestCommand: string,
    place: string,
    maxOnMs: number,
    connection: IoConnection,
    clock: Clock,
  ) {
    super('output', name, requestCommand, place, maxOnMs, connection, clock);
  }

  async pulse(onMs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    const fault = checkPulse(this.name, onMs);
    return fault ? { ok: false, fault } : this.turnOn(`on ${this.name} ${toUs(onMs)}`, onMs, signal);
  }

  hold(signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    return this.turnOn(`on ${this.name}`, Number.POSITIVE_INFINITY, signal);
  }
}

export class IoPwm extends IoActuator implements Pwm {
  readonly #rules: PwmRules;

  constructor(
    name: string,
    requestCommand: string,
    place: string,
    rules: PwmRules,
    connection: IoConnection,
    clock: Clock,
  ) {
    super('pwm', name, requestCommand, place, rules.maxOnMs, connection, clock);
    this.#rules = rules;
  }

  async drive(pulseUs: number, signal: AbortSignal): Promise<Answer<Off, LineFault>> {
    const fault = checkDuty(this.name, pulseUs, this.#rules);
    if (fault) return { ok: false, fault };
    return this.turnOn(`duty ${this.name} ${pulseUs}`, Number.POSITIVE_INFINITY, signal);
  }
}
