import type { Config } from '../../config/schema.js';
import type { Lines } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import { CalibrateError } from './calibrate.js';
import { gateInputs, LID, SERVICE, serviceSwitch } from './inputs.js';
import { Levels } from './levels.js';
import { LinesMover } from './lines-mover.js';
import type { Mover } from './mover.js';
import { ServoMover } from './servo-mover.js';

/** A gate in hand: what moves it, and the switches around it. */
export interface GateInHand {
  readonly mover: Mover;
  readonly levels: Levels;
}

/**
 * Takes the gate's lines by the rules of the running bin; besides the lid, the service switch guards them: in service
 * the whole bin is locked, not only this gate. @throws CalibrateError where there is no such gate, or a line cannot be had
 */
export const takeGate = async (
  { gate, panel }: Pick<Config, 'gate' | 'panel'>,
  lines: Lines,
  clock: Clock,
): Promise<GateInHand> => {
  if (gate.driver === 'simulated')
    throw new CalibrateError(
      'calibrate-nothing',
      'gate.driver is simulated: a gate of air needs no values; set it to servo or lines',
    );
  const inputs = [...gateInputs(gate), ...serviceSwitch(panel)];
  const levels = await Levels.of(inputs, lines, clock);
  const guards = [LID, SERVICE].filter((name) => levels.input(name));
  const mover =
    gate.driver === 'servo'
      ? await ServoMover.of(gate, guards, lines)
      : await LinesMover.of(gate, guards, levels, lines, clock);
  if (mover) return { mover, levels };
  throw new CalibrateError('calibrate-nothing', 'gate.compartments names none; give each its output');
};
