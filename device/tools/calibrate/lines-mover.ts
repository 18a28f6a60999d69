import type { Input, Lines, Output } from '../../hardware/lines/lines.js';
import type { Clock } from '../../kit/clock.js';
import { outputRules } from '../../wire/lines.js';
import { type Key, unwrapLine } from './calibrate.js';
import { endSwitchName } from './inputs.js';
import type { Levels } from './levels.js';
import { type KeyEffect, type LinesConfig, type Mover, type Parameter, unexpectedOff } from './mover.js';

interface Route {
  readonly output: Output;
  readonly maxOnMs: number;
  readonly endSwitch: Input | null;
}

/** Energises the output of a compartment and measures the on-time. */
export class LinesMover implements Mover {
  readonly help = 'hold space: move until the item would have fallen, or until the end switch';
  #selected: Parameter;
  #proposal: number | null = null;
  #status = '';

  private constructor(
    readonly parameters: readonly [Parameter, ...Parameter[]],
    private readonly routes: ReadonlyMap<string, Route>,
    private readonly clock: Clock,
  ) {
    this.#selected = parameters[0];
  }

  /** Opens the outputs. null: the gate has no compartments. @throws CalibrateError if a line is unavailable */
  static async open(
    gate: LinesConfig,
    guards: readonly string[],
    levels: Levels,
    lines: Lines,
    clock: Clock,
  ): Promise<LinesMover | null> {
    const routes = new Map<string, Route>();
    const parameters: Parameter[] = [];
    for (const [name, compartment] of Object.entries(gate.compartments)) {
      const path = ['gate', 'compartments', name];
      const rules = { ...outputRules(compartment.output), group: 'gate', guards };
      const output = unwrapLine(
        `gate.compartments.${name}.output`,
        await lines.output(`gate-${name}`, rules),
      );
      const { maxOnMs } = compartment.output;
      routes.set(name, { output, maxOnMs, endSwitch: levels.input(endSwitchName(name)) });
      const digit = parameters.length < 9 ? `${parameters.length + 1}` : null;
      parameters.push({ name, digit, path: [...path, 'onMs'], value: compartment.onMs, unit: 'ms' });
    }
    const [first, ...others] = parameters;
    return first ? new LinesMover([first, ...others], routes, clock) : null;
  }

  get proposal(): number | null {
    return this.#proposal;
  }

  get status(): string {
    return this.#status;
  }

  select(parameter: Parameter): void {
    this.#selected = parameter;
    this.#proposal = null;
    const endSwitch = this.routes.get(parameter.name)?.endSwitch;
    this.#status = endSwitch
      ? `the end switch "${endSwitch.name}" ends the move`
      : 'no end switch: the release of the key ends the move';
  }

  press(key: Key): KeyEffect {
    return key === ' ' ? 'move' : 'none';
  }

  async move(signal: AbortSignal, lastKeyMs: () => number): Promise<void> {
    const route = this.routes.get(this.#selected.name);
    if (!route) return;
    this.#proposal = null;
    const measurement = await this.#measure(route, signal, lastKeyMs);
    // Another compartment may have been selected meanwhile.
    if (route !== this.routes.get(this.#selected.name)) return;
    const { onMs, text } = proposeOnMs(measurement, route.maxOnMs, route.endSwitch?.name ?? null);
    this.#proposal = onMs;
    this.#status = text;
  }

  async #measure(route: Route, signal: AbortSignal, lastKeyMs: () => number): Promise<Measurement> {
    const level = await route.endSwitch?.active();
    if (level && !level.ok) return { kind: 'failed', reason: level.fault.message };
    if (!level?.value) return this.#energise(route, signal, lastKeyMs);
    return {
      kind: 'failed',
      reason: `"${route.endSwitch?.name}" is active before the move. Free the gate or the switch.`,
    };
  }

  async #energise(
    { output, endSwitch }: Route,
    signal: AbortSignal,
    lastKeyMs: () => number,
  ): Promise<Measurement> {
    const arrived = new AbortController();
    let arrivedAtMs: number | null = null;
    const unsubscribe = endSwitch?.onEdge(({ active, atNs }) => {
      if (!active || arrivedAtMs !== null) return;
      arrivedAtMs = Number(atNs) / 1e6;
      arrived.abort();
    });
    this.#status = 'moving';
    const startMs = this.clock.monotonicMs();
    try {
      const answer = await output.hold(AbortSignal.any([signal, arrived.signal]));
      const reason = unexpectedOff(answer, signal.aborted || arrived.signal.aborted);
      if (reason !== null) return { kind: 'failed', reason };
      if (arrivedAtMs !== null) return { kind: 'end-switch', durationMs: arrivedAtMs - startMs };
      return { kind: 'released', durationMs: lastKeyMs() - startMs };
    } finally {
      unsubscribe?.();
    }
  }
}

/** How a move ended. Times in ms count from the start of the move. */
type Measurement =
  | { readonly kind: 'end-switch'; readonly durationMs: number }
  /** The duration ends with the last key. */
  | { readonly kind: 'released'; readonly durationMs: number }
  | { readonly kind: 'failed'; readonly reason: string };

/** With an end switch, `onMs` is a maximum. Cold grease and a weak supply make a move slower than the measured one. */
const END_SWITCH_MARGIN = 1.5;
/** Proposals are rounded up to a multiple of this. */
const STEP_MS = 10;
/** A key is never held for a shorter time. */
const MIN_HOLD_MS = 20;
/** The maximum of `onMs` in the configuration. */
const MAX_ON_MS = 60_000;

interface Proposal {
  /** null: no proposal. */
  readonly onMs: number | null;
  readonly text: string;
}

const proposeOnMs = (measurement: Measurement, maxOnMs: number, endSwitch: string | null): Proposal => {
  if (measurement.kind === 'failed') return { onMs: null, text: measurement.reason };
  const { kind, durationMs } = measurement;
  const roundedMs = Math.round(durationMs);
  const round = (ms: number) =>
    Math.min(Math.max(Math.ceil(ms / STEP_MS) * STEP_MS, STEP_MS), maxOnMs, MAX_ON_MS);
  if (kind === 'end-switch') {
    const onMs = round(durationMs * END_SWITCH_MARGIN);
    return {
      onMs,
      text: `end switch reached after ${roundedMs} ms. onMs with a margin of 50 %: ${onMs}. Enter: accept`,
    };
  }
  if (endSwitch !== null)
    return {
      onMs: null,
      text: `released after ${roundedMs} ms, before "${endSwitch}" was active. Hold longer, or check the switch.`,
    };
  if (durationMs < MIN_HOLD_MS) return { onMs: null, text: 'released at once. Hold the key longer.' };
  const onMs = round(durationMs);
  return { onMs, text: `held for ${roundedMs} ms. onMs: ${onMs}. Enter: accept` };
};
