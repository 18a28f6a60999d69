import type { Config } from '../../../config/schema.js';
import { makePolicy, type Policy } from '../../../cycle/policy.js';
import type { Bundle } from '../../../perception/inference/bundle/bundle.js';
import type { AskContext, Patch, Step, StepContext } from '../setup.js';

/** The compartments, and the labels of the model that go into each of them. */
export const compartmentsStep: Step = {
  name: 'compartments',
  title: 'Compartments',
  intro:
    'Each label of the model needs a compartment, or is refused. Uncertain items go to the fallback compartment.',
  section: 'policy',
  summary: ({ policy }) =>
    policy.compartments === null ? policy.preset : Object.keys(policy.compartments).join(', '),
  ask,
  check,
};

const KINDS = [
  { value: 'four-way', label: 'four: paper, glass, packaging, residual' },
  { value: 'twelve-way', label: 'one for each label of the model' },
  { value: 'own', label: 'your own' },
] as const;

async function ask(context: AskContext): Promise<Patch> {
  const { prompt, config } = context;
  const { policy } = config;
  const kind = await prompt.choose('Compartments', KINDS, policy.compartments ? 'own' : policy.preset);
  if (kind !== 'own') {
    // The keys beside the same preset stay.
    if (kind === policy.preset && !policy.compartments) return { policy: { preset: kind } };
    const preset = { preset: kind, compartments: null, refuse: null, fallback: null };
    return { policy: preset };
  }
  const { labels } = (await context.bundle()).manifest;
  context.say(`Labels of the model: ${labels.join(', ')}.`);
  const present = await presentNames(context);
  const names = listOf(await prompt.text('Names of the compartments', present.join(' ')));
  let rest: readonly string[] = labels;
  const compartments: Record<string, string[]> = {};
  for (const name of names) {
    const own = (policy.compartments?.[name] ?? []).filter((label) => rest.includes(label));
    const isLast = name === names.at(-1);
    const fallback = own.length > 0 ? own : isLast ? rest.filter((label) => label !== 'battery') : [];
    context.say(`Free labels: ${rest.join(', ') || 'none'}.`);
    const chosen = listOf(
      await prompt.text(`Labels of ${name}`, fallback.join(' ') || 'none', (answer) => {
        const unknown = listOf(answer).find((label) => !rest.includes(label));
        return unknown === undefined ? null : `"${unknown}" is not a free label.`;
      }),
    );
    compartments[name] = chosen;
    rest = rest.filter((label) => !chosen.includes(label));
  }
  if (rest.length > 0) context.say(`Refused, because they have no compartment: ${rest.join(', ')}.`);
  const fallback = await prompt.text(
    'Compartment for uncertain items',
    fallbackOf(policy, names),
    (answer) => (names.includes(answer) ? null : `Use one of ${names.join(', ')}.`),
  );
  return { policy: { compartments, refuse: rest, fallback } };
}

const fallbackOf = ({ fallback }: Config['policy'], names: readonly string[]): string =>
  [fallback, 'residual'].find((name) => name !== null && names.includes(name)) ?? names.at(-1) ?? '';

const listOf = (answer: string): string[] =>
  answer === 'none' ? [] : [...new Set(answer.split(/[\s,]+/).filter(Boolean))];

const presentNames = async ({ config, bundle }: StepContext): Promise<string[]> => {
  try {
    return namesOf(policyOf(config, await bundle()));
  } catch {
    return Object.keys(config.policy.compartments ?? {});
  }
};

/** @throws PolicyError if the policy does not fit the model */
export const policyOf = ({ policy }: Config, { manifest }: Bundle): Policy =>
  makePolicy(policy, manifest.labels, manifest.policy);

/** Returns the names of the compartments, the fallback last. */
export const namesOf = ({ compartmentOf, fallback }: Policy): string[] => [
  ...new Set([...compartmentOf.values()].filter((name) => name !== fallback)),
  fallback,
];

async function check(context: StepContext): Promise<Patch> {
  const policy = policyOf(context.config, await context.bundle());
  for (const name of namesOf(policy)) {
    const labels = [...policy.compartmentOf].flatMap(([label, to]) => (to === name ? [label] : []));
    const note = name === policy.fallback ? ', uncertain items' : '';
    context.say(`${name}: ${labels.join(', ')}${note}`);
  }
  if (policy.refuse.size > 0) context.say(`refused: ${[...policy.refuse].join(', ')}`);
  return {};
}
