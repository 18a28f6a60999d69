import { z } from 'zod';
import { label, share, shortName } from './fields.js';

const policyShape = z.strictObject({
  preset: z
    .enum(['four-way', 'twelve-way'])
    .default('four-way')
    .describe('four-way: paper, glass, packaging, residual; twelve-way: one compartment for each label'),
  compartments: z
    .record(shortName(), z.array(label()).max(1000))
    .refine((compartments) => Object.keys(compartments).length > 0, 'at least one compartment, or null')
    .nullable()
    .default(null)
    .describe("The labels that go into each compartment, in place of the preset's; null: the preset's"),
  refuse: z
    .array(label())
    .max(1000)
    .nullable()
    .default(null)
    .describe(
      'Labels that are not taken: the gate does not move; null: battery, unless a compartment names it',
    ),
  fallback: shortName()
    .nullable()
    .default(null)
    .describe(
      'Compartment for the unsure and the unfamiliar; null: residual, or trash for the preset twelve-way',
    ),
  confidence: share()
    .nullable()
    .default(null)
    .describe("The least score of the top label; below it the fallback is taken; null: the bundle's"),
  margin: share()
    .nullable()
    .default(null)
    .describe(
      "The least distance of the two highest scores; below it the fallback is taken; null: the bundle's",
    ),
  hazardConfidence: share()
    .default(0.3)
    .describe('A label that is to be refused counts as there from this score on, whatever the top label is'),
});

type Policy = z.infer<typeof policyShape>;
type Report = (path: (string | number)[], allowed: string) => void;

const DEFAULT_FALLBACK = 'residual';

/** What can be said without the model's labels. */
const checkPolicy = ({ compartments, refuse, fallback }: Policy, report: Report): void => {
  const placed = new Map<string, string>();
  for (const [compartment, labels] of Object.entries(compartments ?? {})) {
    for (const [index, name] of labels.entries()) {
      const before = placed.get(name);
      if (before === undefined) placed.set(name, compartment);
      else report(['compartments', compartment, index], `a label in one place; it is in "${before}" already`);
    }
  }
  const refused = new Set<string>();
  for (const [index, name] of (refuse ?? []).entries()) {
    const compartment = placed.get(name);
    if (compartment !== undefined)
      report(['refuse', index], `a label without a compartment; it is in "${compartment}"`);
    else if (refused.has(name)) report(['refuse', index], 'a label that is not in the list already');
    refused.add(name);
  }
  const names = Object.keys(compartments ?? {});
  if (names.length > 0 && !names.includes(fallback ?? DEFAULT_FALLBACK)) {
    const unset = fallback === null ? `, since no compartment is named "${DEFAULT_FALLBACK}"` : '';
    report(['fallback'], `one of the compartments ${names.map((name) => `"${name}"`).join(', ')}${unset}`);
  }
};

export const policy = policyShape
  .superRefine((value, context) =>
    checkPolicy(value, (path, message) => context.addIssue({ code: 'custom', path, message })),
  )
  .prefault({})
  .describe('Which compartment an item goes into. Unsure means the fallback; a hazard is refused');
