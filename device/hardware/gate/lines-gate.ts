import { sleep } from '../../kit/deadline.js';
import { type Answer, done, SortbinError } from '../../kit/errors.js';
import type { Input, LineFault, Output, OutputRules } from '../lines/lines.js';
import { type Drive, type GateRules, LazyLines, type Route } from './drive.js';
import { DrivenGate } from './driven-gate.js';
import { energise, waitUntilActive } from './energise.js';
import type { Gate, GateFault } from './gate.js';
import { toGateFault } from './line-faults.js';

/** The way into a compartment by an output of its own: a solenoid, or a motor driver's enable. A spring brings it back. */
export interface LinesRoute extends Route {
  readonly output: Omit<OutputRules, 'group' | 'guards'>;
  /** It is on for so long; where it has an end switch, at most. */
  readonly onMs: number;
  /** The item falls and the gate springs back in this time. */
  readonly settleMs: number;
}

export type LinesGateOptions = GateRules<LinesRoute>;

/**
 * A gate with one output for each compartment, of which one at most is on.
 * @throws SortbinError `gate-rules` where a move would take longer than its output may be on
 */
export const makeLinesGate = (options: LinesGateOptions): Gate => {
  for (const [compartment, { onMs, output }] of options.compartments)
    if (onMs > output.maxOnMs)
      throw new SortbinError(
        'gate-rules',
        `the way into "${compartment}" takes ${onMs} ms, and its output may be on for ${output.maxOnMs} ms at most`,
      );
  return new DrivenGate(options, new OutputDrive(options));
};

class OutputDrive implements Drive<LinesRoute> {
  readonly #outputs = new LazyLines<Output>();
  readonly #offAtMs = new Map<string, number>();

  constructor(private readonly options: LinesGateOptions) {}

  async open(): Promise<Answer<unknown, LineFault>> {
    for (const [compartment, way] of this.options.compartments) {
      const output = await this.#output(compartment, way);
      if (!output.ok) return output;
    }
    return done(undefined);
  }

  async waitForRest(compartment: string, signal: AbortSignal): Promise<void> {
    const { clock, compartments } = this.options;
    const offAtMs = this.#offAtMs.get(compartment);
    if (offAtMs === undefined) return;
    const restMs = compartments.get(compartment)?.output.minOffMs ?? 0;
    const leftMs = offAtMs + restMs - clock.monotonicMs();
    if (leftMs > 0) await sleep(clock, leftMs, signal);
  }

  async moveTo(
    compartment: string,
    way: LinesRoute,
    end: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>> {
    const { clock } = this.options;
    const output = await this.#output(compartment, way);
    if (!output.ok) return toGateFault(output.fault);
    const { name } = output.value;
    const start = (until: AbortSignal) => output.value.pulse(way.onMs, until);
    try {
      // The pulse ends by itself after `onMs`, counted where the line is driven; the bound here comes later.
      const withinMs = way.output.maxOnMs;
      return await energise({ name, start, positionSwitch: end, withinMs, holdMs: 0 }, clock, signal);
    } finally {
      this.#offAtMs.set(compartment, clock.monotonicMs());
    }
  }

  /** Nothing to drive: the spring's time, or the switch. */
  async returnHome(
    way: LinesRoute | null,
    home: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>> {
    const { clock, compartments, homeMs } = this.options;
    const ways = way ? [way] : [...compartments.values()];
    if (way || !home) await sleep(clock, Math.max(0, ...ways.map(({ settleMs }) => settleMs)), signal);
    const there = home ? await waitUntilActive(home, homeMs, clock, signal) : done(true);
    return there.ok ? there : toGateFault(there.fault);
  }

  #output(compartment: string, { output }: LinesRoute): Promise<Answer<Output, LineFault>> {
    const { lines } = this.options;
    const guards = this.options.guards.map((guard) => guard.name);
    const name = `gate-${compartment}`;
    return this.#outputs.get(name, () => lines.output(name, { ...output, group: 'gate', guards }));
  }
}
