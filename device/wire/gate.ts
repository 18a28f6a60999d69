import type { Config } from '../config/schema.js';
import type { Policy } from '../cycle/policy.js';
import type { Gate } from '../hardware/gate/gate.js';
import { makeLinesGate } from '../hardware/gate/lines-gate.js';
import { makeServoGate } from '../hardware/gate/servo-gate.js';
import { SimulatedGate } from '../hardware/gate/simulated-gate.js';
import type { Clock } from '../kit/clock.js';
import { SortbinError } from '../kit/errors.js';
import {
  type InputConfig,
  inputRules,
  type LineConfig,
  type LinesOnDemand,
  outputRules,
  unwrap,
} from './lines.js';

export interface GateContext {
  readonly config: Pick<Config, 'gate'>;
  readonly clock: Clock;
}

const LID = 'lid';

/** @throws SortbinError if a line is unavailable */
export const makeGate = async ({ config, clock }: GateContext, lines: LinesOnDemand): Promise<Gate> => {
  const { gate } = config;
  if (gate.driver === 'simulated')
    return new SimulatedGate({ script: gate.script, moveMs: gate.moveMs, clock });
  const { passive, homeMs, retries, backOffMs } = gate;
  const startedLines = await lines.get();
  const lid = gate.lid && unwrap(await startedLines.input(LID, inputRules(gate.lid)));
  const common = {
    lines: startedLines,
    clock,
    passive,
    homeMs,
    retries,
    backOffMs,
    guards: lid ? [lid] : [],
    ...(gate.home ? { home: inputRules(gate.home) } : {}),
  };
  const endOf = ({ end }: { readonly end: LineConfig<InputConfig> | null }) =>
    end ? { end: inputRules(end) } : {};
  if (gate.driver === 'servo') {
    const routes = Object.entries(gate.compartments).map(
      ([name, route]) => [name, { position: route, ...endOf(route) }] as const,
    );
    const { chip, channel, ...limits } = gate.pwm;
    return makeServoGate({
      ...common,
      compartments: new Map(routes),
      pwm: { at: { chip, channel }, ...limits },
      calibration: gate.calibration,
      homePosition: gate.homeDegrees === null ? { pulseUs: gate.homePulseUs } : { degrees: gate.homeDegrees },
      moveMs: gate.moveMs,
      holdMs: gate.holdMs,
    });
  }
  const routes = Object.entries(gate.compartments).map(([name, route]) => {
    const { output, onMs, settleMs } = route;
    return [name, { output: outputRules(output), onMs, settleMs, ...endOf(route) }] as const;
  });
  return makeLinesGate({ ...common, compartments: new Map(routes) });
};

/** @throws SortbinError `gate-rules` if the gate has no route to a compartment of the policy */
export const checkRoutes = (gate: Config['gate'], { compartmentOf, fallback }: Policy): void => {
  if (gate.driver === 'simulated') return;
  const routes = [...Object.keys(gate.compartments), ...gate.passive];
  const missing = [...new Set([...compartmentOf.values(), fallback])].filter(
    (name) => !routes.includes(name),
  );
  if (missing.length === 0) return;
  throw new SortbinError(
    'gate-rules',
    `gate.compartments: no entry for ${missing.map((name) => `"${name}"`).join(', ')}. ` +
      'Add one, or list it in gate.passive if items fall in without a move.',
  );
};
