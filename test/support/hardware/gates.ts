import type { Gate } from '../../../device/hardware/gate/gate.js';
import {
  type LinesGateOptions,
  type LinesRoute,
  makeLinesGate,
} from '../../../device/hardware/gate/lines-gate.js';
import { makeServoGate, type ServoGateOptions } from '../../../device/hardware/gate/servo-gate.js';
import type { Input, InputRules } from '../../../device/hardware/lines/lines.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import type { GateBench } from '../../contract/gate-contract.js';
import { WatchedLines } from './watched-lines.js';

export const aSwitch = (offset: number): InputRules => ({
  at: { chip: 'bin', offset },
  bias: 'pull-up',
  activeLow: true,
  debounceMs: 0,
});

const route = (offset: number): LinesRoute => ({
  output: { at: { chip: 'bin', offset }, activeLow: false, maxOnMs: 1_000, minOffMs: 0 },
  onMs: 300,
  settleMs: 200,
});

/** Returns the code of the fault, or `ok`. */
export const outcome = (answer: { ok: true } | { ok: false; fault: { code: string } }) =>
  answer.ok ? 'ok' : answer.fault.code;

/** The common parts of both test gates, with a guard called `lid`. */
const bench = (latencyMs: number) => {
  const clock = new SimulatedClock();
  const lines = new WatchedLines(clock, latencyMs);
  const request = lines.input('lid', aSwitch(20));
  const lid: Input = {
    name: 'lid',
    active: async () => {
      const answer = await request;
      return answer.ok ? answer.value.active() : answer;
    },
    onEdge: () => () => {},
  };
  return { clock, lines, guards: [lid] };
};

const common = { passive: ['residual'], homeMs: 400, retries: 2, backOffMs: 100 };

export const aLinesGate = (
  overrides: Partial<LinesGateOptions> = {},
  paper: Partial<LinesRoute> = {},
  latencyMs = 0,
) => {
  const { clock, lines, guards } = bench(latencyMs);
  const compartments = new Map([
    ['paper', { ...route(1), ...paper }],
    ['glass', route(2)],
  ]);
  return {
    clock,
    lines,
    gate: makeLinesGate({ ...common, guards, lines, clock, compartments, ...overrides }),
  };
};

export const aServoGate = (overrides: Partial<ServoGateOptions> = {}, latencyMs = 0) => {
  const { clock, lines, guards } = bench(latencyMs);
  const options: ServoGateOptions = {
    ...common,
    guards,
    lines,
    clock,
    compartments: new Map([
      ['paper', { position: { pulseUs: 1_000 } }],
      ['glass', { position: { degrees: 45 } }],
    ]),
    pwm: {
      at: { chip: '0', channel: 0 },
      periodUs: 20_000,
      minPulseUs: 900,
      maxPulseUs: 2_100,
      maxOnMs: 2_000,
    },
    calibration: { fromDegrees: -90, toDegrees: 90, fromUs: 500, toUs: 2_500 },
    homePosition: { pulseUs: 1_500 },
    moveMs: 300,
    holdMs: 200,
    ...overrides,
  };
  return { clock, lines, gate: makeServoGate(options) };
};

/** Returns the bench of a gate contract for a gate on watched lines. */
export const benchOf = ({
  gate,
  lines,
  clock,
}: {
  gate: Gate;
  lines: WatchedLines;
  clock: SimulatedClock;
}): GateBench => ({
  gate,
  energised: () => lines.on.length > 0,
  openLid: (isOpen) => lines.set('lid', isOpen),
  nowMs: () => clock.monotonicMs(),
  pass: (ms) => clock.advance(ms),
});
