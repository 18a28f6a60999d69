import { type Answer, type Fault, SortbinError } from '../../kit/errors.js';
import type { Input, LineFault, Pwm, PwmRules } from '../lines/lines.js';
import { type Drive, type GateRules, LazyLines, type Route } from './drive.js';
import { DrivenGate } from './driven-gate.js';
import { energise } from './energise.js';
import type { Gate, GateFault } from './gate.js';
import { toGateFault } from './line-faults.js';
import { type Calibration, type Position, pulseOf } from './servo-pulse.js';

export interface ServoRoute extends Route {
  readonly position: Position;
}

export interface ServoGateOptions extends GateRules<ServoRoute> {
  readonly pwm: Omit<PwmRules, 'guards'>;
  readonly calibration: Calibration | null;
  readonly homePosition: Position;
  /** The time of the longest route in either direction. With a switch it is the maximum. */
  readonly moveMs: number;
  /** The time in the compartment's position, in which the item falls. */
  readonly holdMs: number;
}

const NAME = 'gate-servo';

/**
 * Creates a gate on a servo with hardware PWM. The pulses end after each move, so a servo at rest draws no current and
 * exerts no force.
 * @throws SortbinError `gate-rules` if a position is outside the pulse limits, or a move is longer than `pwm.maxOnMs`
 */
export const makeServoGate = (options: ServoGateOptions): Gate => {
  const { pwm, calibration, homePosition, compartments, moveMs, holdMs, home, homeMs } = options;
  const longestMs = Math.max(moveMs + holdMs, home ? homeMs : 0);
  if (longestMs > pwm.maxOnMs)
    throw new SortbinError(
      'gate-rules',
      `gate.pwm.maxOnMs: ${pwm.maxOnMs} ms is shorter than a move, which takes up to ${longestMs} ms. ` +
        'Raise maxOnMs, or reduce moveMs, holdMs or homeMs.',
    );
  const homeUs = pulseOf('home', homePosition, calibration, pwm);
  const pulsesUs = new Map<string, number>();
  for (const [compartment, { position }] of compartments)
    pulsesUs.set(compartment, pulseOf(compartment, position, calibration, pwm));
  return new DrivenGate(options, new ServoDrive(options, homeUs, pulsesUs));
};

class ServoDrive implements Drive<ServoRoute> {
  readonly #pwm = new LazyLines<Pwm>();

  constructor(
    private readonly options: ServoGateOptions,
    private readonly homeUs: number,
    private readonly pulsesUs: ReadonlyMap<string, number>,
  ) {}

  async open(): Promise<Answer<Pwm, LineFault>> {
    const { lines, pwm } = this.options;
    const guards = this.options.guards.map((guard) => guard.name);
    const opened = await this.#pwm.get(NAME, () => lines.pwm(NAME, { ...pwm, guards }));
    return opened.ok ? opened : { ok: false, fault: withPwmFix(opened.fault) };
  }

  async waitForRest(): Promise<void> {}

  moveTo(
    compartment: string,
    _route: ServoRoute,
    endSwitch: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>> {
    const { moveMs, holdMs } = this.options;
    return this.#drive(this.pulsesUs.get(compartment) ?? this.homeUs, endSwitch, moveMs, holdMs, signal);
  }

  returnHome(
    _route: ServoRoute | null,
    homeSwitch: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>> {
    const { moveMs, homeMs } = this.options;
    return this.#drive(this.homeUs, homeSwitch, homeSwitch ? homeMs : moveMs, 0, signal);
  }

  async #drive(
    pulseUs: number,
    positionSwitch: Input | null,
    withinMs: number,
    holdMs: number,
    signal: AbortSignal,
  ) {
    const pwm = await this.open();
    if (!pwm.ok) return toGateFault(pwm.fault);
    const start = (ending: AbortSignal) => pwm.value.drive(pulseUs, ending);
    return energise({ name: NAME, start, positionSwitch, withinMs, holdMs }, this.options.clock, signal);
  }
}

/** Adds how to enable hardware PWM. Software PWM is not an alternative. Its pulses jitter under load, and so does the servo. */
const withPwmFix = (fault: Fault<LineFault>): Fault<LineFault> =>
  fault.code !== 'line-missing' && fault.code !== 'line-unsupported'
    ? fault
    : {
        ...fault,
        message:
          `${fault.message.replace(/\.$/, '')}. A servo needs hardware PWM, because software pulses jitter under ` +
          'load. Add "dtoverlay=pwm-2chan" to /boot/firmware/config.txt and restart the machine.',
      };
