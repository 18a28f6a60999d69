import { sleep } from '../../kit/deadline.js';
import { type Answer, done, SortbinError } from '../../kit/errors.js';
import type { Input, LineFault, Output, OutputRules } from '../lines/lines.js';
import { type Drive, type GateRules, LazyLines, type Route } from './drive.js';
import { DrivenGate } from './driven-gate.js';
import { energise, waitUntilActive } from './energise.js';
import type { Gate, GateFault } from './gate.js';
import { toGateFault } from './line-faults.js';

/** A route with a separate output: a solenoid, or the enable input of a motor driver. A spring returns the gate. */
export interface LinesRoute extends Route {
  readonly output: Omit<OutputRules, 'group' | 'guards'>;
  /** The on-time. With an end switch it is the maximum. */
  readonly onMs: number;
  /** The time in which the item falls and the gate springs back. */
  readonly settleMs: number;
}

export type LinesGateOptions = GateRules<LinesRoute>;

/**
 * Creates a gate with one output per compartment. At most one output is on at a time.
 * @throws SortbinError `gate-rules` if a move takes longer than the maximum on-time of its output
 */
export const makeLinesGate = (options: LinesGateOptions): Gate => {
  for (const [compartment, { onMs, output }] of options.compartments)
    if (onMs > output.maxOnMs)
      throw new SortbinError(
        'gate-rules',
        `gate.compartments.${compartment}.onMs: ${onMs} ms is longer than output.maxOnMs, ${output.maxOnMs} ms. ` +
          'Reduce onMs or raise output.maxOnMs.',
      );
  return new DrivenGate(options, new OutputDrive(options));
};

class OutputDrive implements Drive<LinesRoute> {
  readonly #outputs = new LazyLines<Output>();
  readonly #offAtMs = new Map<string, number>();

  constructor(private readonly options: LinesGateOptions) {}

  async open(): Promise<Answer<unknown, LineFault>> {
    for (const [compartment, route] of this.options.compartments) {
      const output = await this.#output(compartment, route);
      if (!output.ok) return output;
    }
    return done(undefined);
  }

  async waitForRest(compartment: string, signal: AbortSignal): Promise<void> {
    const { clock, compartments } = this.options;
    const offAtMs = this.#offAtMs.get(compartment);
    if (offAtMs === undefined) return;
    const restMs = compartments.get(compartment)?.output.minOffMs ?? 0;
    const remainingMs = offAtMs + restMs - clock.monotonicMs();
    if (remainingMs > 0) await sleep(clock, remainingMs, signal);
  }

  async moveTo(
    compartment: string,
    route: LinesRoute,
    endSwitch: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>> {
    const { clock } = this.options;
    const output = await this.#output(compartment, route);
    if (!output.ok) return toGateFault(output.fault);
    const { name } = output.value;
    const start = (ending: AbortSignal) => output.value.pulse(route.onMs, ending);
    try {
      // The line's driver ends the pulse after `onMs`. The limit here is later, so that the driver's timing counts.
      const withinMs = route.output.maxOnMs;
      const options = { name, start, positionSwitch: endSwitch, withinMs, holdMs: 0 };
      return await energise(options, clock, signal);
    } finally {
      this.#offAtMs.set(compartment, clock.monotonicMs());
    }
  }

  /** Waits for the spring: first `settleMs`, then the home switch. From an unknown position the switch is enough. */
  async returnHome(
    route: LinesRoute | null,
    homeSwitch: Input | null,
    signal: AbortSignal,
  ): Promise<Answer<boolean, GateFault>> {
    const { clock, compartments, homeMs } = this.options;
    const routes = route ? [route] : [...compartments.values()];
    if (route || !homeSwitch)
      await sleep(clock, Math.max(0, ...routes.map(({ settleMs }) => settleMs)), signal);
    const reached = homeSwitch ? await waitUntilActive(homeSwitch, homeMs, clock, signal) : done(true);
    return reached.ok ? reached : toGateFault(reached.fault);
  }

  #output(compartment: string, { output }: LinesRoute): Promise<Answer<Output, LineFault>> {
    const { lines } = this.options;
    const guards = this.options.guards.map((guard) => guard.name);
    const name = `gate-${compartment}`;
    return this.#outputs.get(name, () => lines.output(name, { ...output, group: 'gate', guards }));
  }
}
