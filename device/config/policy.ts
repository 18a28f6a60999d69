import { z } from 'zod';
import { fraction, label, type Reporter, reporterOf, shortName } from './fields.js';

const policyShape = z.strictObject({
  preset: z
    .enum(['four-way', 'twelve-way'])
    .default('four-way')
    .describe(
      'Set of compartments. four-way: paper, glass, packaging, residual. twelve-way: one for each label',
    ),
  compartments: z
    .record(shortName(), z.array(label()).max(1000))
    .refine((compartments) => Object.keys(compartments).length > 0, 'at least one compartment, or null')
    .nullable()
    .default(null)
    .describe('Labels of each compartment, instead of those of the preset. null: as in the preset'),
  refuse: z
    .array(label())
    .max(1000)
    .nullable()
    .default(null)
    .describe(
      'Labels that are refused: the gate does not move. null: battery, unless a compartment has this label',
    ),
  fallback: shortName()
    .nullable()
    .default(null)
    .describe(
      'Compartment for uncertain and unfamiliar items. null: residual, or trash for the preset twelve-way',
    ),
  confidence: fraction()
    .nullable()
    .default(null)
    .describe('Minimum score of the top label. Below it, the fallback is used. null: as in the bundle'),
  margin: fraction()
    .nullable()
    .default(null)
    .describe(
      'Minimum difference of the two highest scores. Below it, the fallback is used. null: as in the bundle',
    ),
  hazardConfidence: fraction()
    .default(0.3)
    .describe(
      'Minimum total score of the refused labels. An item that reaches it is refused, with any top label',
    ),
});

const DEFAULT_FALLBACK = 'residual';

/** Checks the rules that do not depend on the labels of the model. */
const checkPolicy = (
  { compartments, refuse, fallback }: z.infer<typeof policyShape>,
  reporter: Reporter,
): void => {
  const compartmentOf = new Map<string, string>();
  for (const [compartment, labels] of Object.entries(compartments ?? {})) {
    for (const [index, name] of labels.entries()) {
      const first = compartmentOf.get(name);
      if (first === undefined) compartmentOf.set(name, compartment);
      else
        reporter.refuse(['compartments', compartment, index], 'a label of no other compartment', {
          context: `because compartment "${first}" has it already`,
          fix: 'Keep the label in one place',
        });
    }
  }
  const refused = new Set<string>();
  for (const [index, name] of (refuse ?? []).entries()) {
    const compartment = compartmentOf.get(name);
    if (compartment !== undefined)
      reporter.refuse(['refuse', index], 'a label without a compartment', {
        context: `because compartment "${compartment}" has it too`,
        fix: 'Keep the label in one place',
      });
    else if (refused.has(name))
      reporter.refuse(['refuse', index], 'a label that is not in the list yet', {
        context: 'because it is in the list already',
        fix: 'Remove it',
      });
    refused.add(name);
  }
  const names = Object.keys(compartments ?? {});
  if (names.length > 0 && !names.includes(fallback ?? DEFAULT_FALLBACK))
    reporter.refuse(
      ['fallback'],
      `one of the compartments ${names.map((name) => `"${name}"`).join(', ')}`,
      fallback === null ? { context: `because no compartment is named "${DEFAULT_FALLBACK}"` } : {},
    );
};

export const policy = policyShape
  .superRefine((value, context) => checkPolicy(value, reporterOf(context)))
  .prefault({})
  .describe('Policy, which chooses the compartment. Uncertain items go to the fallback, hazards are refused');
