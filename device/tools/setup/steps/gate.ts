import type { Config } from '../../../config/schema.js';
import { checkRoutes } from '../../../wire/gate.js';
import type { Change } from '../../calibrate/calibrate.js';
import { calibrateGate, openGate } from '../../calibrate/gate-session.js';
import { withLinesOnDemand } from '../../calibrate/stopped-bin.js';
import type { AskContext, Patch, Step, StepContext } from '../setup.js';
import { namesOf, policyOf } from './compartments.js';
import { askLine, NONE } from './line-question.js';

/** The gate: selected, its lines opened, and its positions calibrated by hand. */
export const gateStep: Step = {
  name: 'gate',
  title: 'Gate',
  intro:
    'The gate moves the item into its compartment. The test opens its lines. Then you can move it by keys and save its positions.',
  section: 'gate',
  summary: ({ gate }) =>
    gate.driver === 'simulated'
      ? 'simulated'
      : `${gate.driver}: ${Object.keys(gate.compartments).join(', ')}`,
  ask,
  check,
};

const KINDS = [
  { value: 'flap', label: 'flap: one output for each side, one compartment needs no move' },
  { value: 'servo', label: 'servo on a hardware PWM channel' },
  { value: 'lines', label: 'one output for each compartment' },
  { value: 'simulated', label: 'simulated: nothing moves' },
] as const;
type Kind = (typeof KINDS)[number]['value'];

/** Lines for outputs, as in docs/hardware/wiring.md. */
const OUTPUTS = ['GPIO17', 'GPIO27', 'GPIO22', 'GPIO24'];

async function ask(context: AskContext): Promise<Patch> {
  const { prompt, config } = context;
  const { gate } = config;
  const kind = await prompt.choose('Gate', KINDS, kindOf(gate));
  if (kind === 'simulated') return { gate: { driver: kind } };
  const names = namesOf(policyOf(config, await context.bundle()));
  const route =
    kind === 'servo' ? await askServo(context, names) : await askOutputs(context, names, kind === 'flap');
  // A lid switch is closed while the lid is shut, a home switch while the gate is at home.
  const lid = await askSwitch(context, 'lid', { fallback: 'GPIO5', rules: { bias: 'pull-up' } });
  const home = await askSwitch(context, 'home', { fallback: 'GPIO6', rules: { activeLow: true } });
  return { gate: { ...route, lid, home } };
}

interface NewSwitch {
  /** The line that is offered for a new gate. */
  readonly fallback: string;
  /** What a new switch has beside its line. */
  readonly rules: Patch;
}

/** Asks for the line of a switch. A configured switch keeps its rules, and a gate without it was configured so on purpose. */
const askSwitch = async (
  { prompt, config: { gate } }: AskContext,
  name: 'lid' | 'home',
  { fallback, rules }: NewSwitch,
): Promise<Patch | null> => {
  const isDriven = gate.driver !== 'simulated';
  const configured = isDriven ? gate[name] : null;
  const question = `Line of the ${name} switch`;
  const line = await askLine(prompt, question, configured, isDriven ? NONE : fallback);
  return configured ? line : line && { ...line, ...rules };
};

const kindOf = (gate: Config['gate']): Kind =>
  gate.driver === 'lines' && gate.passive.length > 0 ? 'flap' : gate.driver;

const askOutputs = async (
  { prompt, config: { gate } }: AskContext,
  names: readonly string[],
  isFlap: boolean,
): Promise<Patch> => {
  const configured = gate.driver === 'lines' ? gate : null;
  const chosen = isFlap
    ? await prompt.choose(
        'Compartment that items fall into without a move',
        names.map((name) => ({ value: name, label: name })),
        configured?.passive.find((name) => names.includes(name)) ?? names.at(-1) ?? '',
      )
    : null;
  const configuredPassive = configured?.passive.filter((name) => names.includes(name)) ?? [];
  const passive = chosen === null ? null : configuredPassive.includes(chosen) ? configuredPassive : [chosen];
  const moved = names.filter((name) => !passive?.includes(name));
  const compartments: Record<string, Patch> = {};
  for (const [index, name] of moved.entries()) {
    const present = configured?.compartments[name]?.output ?? null;
    const question = `Output of ${name}`;
    compartments[name] = { output: await askLine(prompt, question, present, OUTPUTS[index] ?? '') };
  }
  return { driver: 'lines', compartments, passive };
};

const MIN_US = 1_000;
const MAX_US = 2_000;

/** What is not a number stays a text, so that the message shows it. */
const numberOr = (answer: string): number | string =>
  Number.isNaN(Number(answer)) ? answer : Number(answer);

const askServo = async (
  { prompt, config: { gate }, say, problemOf }: AskContext,
  names: readonly string[],
): Promise<Patch> => {
  const configured = gate.driver === 'servo' ? gate : null;
  const chip = await prompt.text(
    'PWM chip: its number, or the name of its device',
    configured?.pwm.chip ?? '0',
  );
  const channel = await prompt.text('PWM channel', `${configured?.pwm.channel ?? 0}`, (answer) =>
    problemOf({ gate: { driver: 'servo', pwm: { chip, channel: numberOr(answer) } } }, 'gate.pwm.channel'),
  );
  say('Each compartment starts at an assumed position. The calibration finds the true ones.');
  const compartments = names.map((name, index) => {
    const pulseUs = Math.round(MIN_US + ((MAX_US - MIN_US) * (index + 0.5)) / names.length);
    return [name, configured?.compartments[name] ? {} : { pulseUs }] as const;
  });
  return {
    driver: 'servo',
    pwm: { chip, channel: numberOr(channel) },
    compartments: Object.fromEntries(compartments),
  };
};

async function check(context: StepContext): Promise<Patch> {
  const { config, folder, prompt, say, signal } = context;
  await checkFit(context);
  if (config.gate.driver === 'simulated') {
    say('There is no gate to test.');
    return {};
  }
  return withLinesOnDemand({ config, folder }, signal, async (onDemand, clock) => {
    const lines = await onDemand.get();
    const opened = await openGate(config, lines, clock);
    say('The lines of the gate are available.');
    if (!prompt || !(await prompt.confirm('Calibrate the gate now?', true))) return {};
    say('Warning: the gate moves while you hold a key. Remove hands and tools, and close the lid.');
    const changes = await prompt.withKeys((keys, screen) =>
      calibrateGate({ ...opened, lines, keys, screen, clock }),
    );
    for (const { path, from, to } of changes) say(`${path.join('.')}: ${from} -> ${to}`);
    return patchOf(changes);
  });
}

const patchOf = (changes: readonly Change[]): Patch => {
  const patch: Record<string, unknown> = {};
  for (const { path, to } of changes) {
    const [last = '', ...parents] = path.toReversed();
    const holder = parents.reduceRight<Record<string, unknown>>((at, key) => {
      const next = (at[key] ?? {}) as Record<string, unknown>;
      at[key] = next;
      return next;
    }, patch);
    holder[last] = to;
  }
  return patch;
};

/** @throws PolicyError or SortbinError `gate-rules` if model, compartments and gate do not fit together */
export const checkFit = async ({ config, bundle }: Pick<StepContext, 'config' | 'bundle'>): Promise<void> =>
  checkRoutes(config.gate, policyOf(config, await bundle()));
