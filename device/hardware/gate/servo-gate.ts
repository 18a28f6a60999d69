import { type Answer, SortbinError } from '../../kit/errors.js';
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
  /** The time of the longest way, either direction; with a switch, at most. */
  readonly moveMs: number;
  /** It is held in the compartment's position for so long: the item falls. */
  readonly holdMs: number;
}

const NAME = 'gate-servo';

/**
 * A gate on a servo with hardware PWM. Its pulses end after each move: at rest it draws nothing and pushes nobody.
 * @throws SortbinError `gate-rules` where a position is out of the bounds, or a move longer than pulses may last
 */
export const makeServoGate = (options: ServoGateOptions): Gate => {
  const { pwm, calibration, homePosition, compartments, moveMs, holdMs, home, homeMs } = options;
  const longestMs = Math.max(moveMs + holdMs, home ? homeMs : 0);
  if (longestMs > pwm.maxOnMs)
    throw new SortbinError(
      'gate-rules',
      `a move of the servo takes up to ${longestMs} ms, and its pulses may last ${pwm.maxOnMs} ms at most`,
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
    return opened.ok ? opened : { ok: false, fault: withCure(opened.fault) };
  }

  async waitForRest(): Promise<void> {}

  moveTo(
    compartment: string,
    _way: ServoRoute,
    end: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>> {
    const { moveMs, holdMs } = this.options;
    return this.#to(this.pulsesUs.get(compartment) ?? this.homeUs, end, moveMs, holdMs, signal);
  }

  returnHome(
    _way: ServoRoute | null,
    home: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>> {
    const { moveMs, homeMs } = this.options;
    return this.#to(this.homeUs, home, home ? homeMs : moveMs, 0, signal);
  }

  async #to(pulseUs: number, until: Input | null, withinMs: number, lingerMs: number, signal: AbortSignal) {
    const pwm = await this.open();
    if (!pwm.ok) return toGateFault(pwm.fault);
    const start = (ending: AbortSignal) => pwm.value.drive(pulseUs, ending);
    return energise({ name: NAME, start, positionSwitch: until, withinMs, holdMs: lingerMs }, this.options.clock, signal);
  }
}

/** There is no software PWM to fall back on: its pulses tremble with the load of the machine, and so would the servo. */
const withCure = (fault: { readonly code: LineFault; readonly message: string }) =>
  fault.code !== 'line-missing' && fault.code !== 'line-unsupported'
    ? fault
    : {
        ...fault,
        message:
          `${fault.message}; a servo needs hardware PWM, since pulses made by software tremble with the load: ` +
          'put "dtoverlay=pwm-2chan" into /boot/firmware/config.txt and restart the machine',
      };
