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
  readonly policy: Policy;
  readonly clock: Clock;
}

const LID = 'lid';

/** @throws SortbinError where a line cannot be had, or the gate does not fit the policy */
export const makeGate = async (
  { config, policy, clock }: GateContext,
  lines: LinesOnDemand,
): Promise<Gate> => {
  const { gate } = config;
  if (gate.driver === 'simulated')
    return new SimulatedGate({ script: gate.script, moveMs: gate.moveMs, clock });
  const { passive, homeMs, retries, backOffMs } = gate;
  checkRoutes(policy, [...Object.keys(gate.compartments), ...passive]);
  const held = await lines.get();
  const lid = gate.lid && unwrap(await held.input(LID, inputRules(gate.lid)));
  const patience = {
    lines: held,
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
    const ways = Object.entries(gate.compartments).map(
      ([name, way]) => [name, { position: way, ...endOf(way) }] as const,
    );
    const { chip, channel, ...bounds } = gate.pwm;
    return makeServoGate({
      ...patience,
      compartments: new Map(ways),
      pwm: { at: { chip, channel }, ...bounds },
      calibration: gate.calibration,
      homePosition: gate.homeDegrees === null ? { pulseUs: gate.homePulseUs } : { degrees: gate.homeDegrees },
      moveMs: gate.moveMs,
      holdMs: gate.holdMs,
    });
  }
  const ways = Object.entries(gate.compartments).map(
    ([name, way]) =>
      [
        name,
        { output: outputRules(way.output), onMs: way.onMs, settleMs: way.settleMs, ...endOf(way) },
      ] as const,
  );
  return makeLinesGate({ ...patience, compartments: new Map(ways) });
};

/** Each compartment that the policy can name has a way, or is one into which things fall. */
const checkRoutes = ({ compartmentOf, fallback }: Policy, ways: readonly string[]): void => {
  const missing = [...new Set([...compartmentOf.values(), fallback])].filter((name) => !ways.includes(name));
  if (missing.length === 0) return;
  throw new SortbinError(
    'gate-rules',
    `gate: no way into ${missing.map((name) => `"${name}"`).join(', ')}; give each compartment of the policy one in ` +
      'gate.compartments, or name it in gate.passive where things fall into it by themselves',
  );
};
