import { z } from 'zod';

export const count = z.int().nonnegative();
export const counts = z.record(z.string(), count);

/** A fault in force, in the list that the command `status` answers. */
export const raisedFaultSchema = z.object({
  part: z.string().describe('Part of the bin that has the fault'),
  code: z.string().describe('A [fault code](troubleshooting.md#fault-codes)'),
  message: z.string().describe('What happened, and what to do. It may change while the fault lasts'),
  detail: z.exactOptional(z.string()).describe('What of the part has the fault, such as the name of a line'),
  since: z.iso.datetime().describe('When the part had the fault first'),
});
export type RaisedFault = z.infer<typeof raisedFaultSchema>;

export const lastItemSchema = z.object({
  id: z.string().describe('`id` of its event'),
  seq: z.int().positive().describe('`seq` of its event'),
  at: z.iso.datetime().describe('Time of the trigger'),
  outcome: z.string().describe('Its [outcome](#outcomes)'),
  compartment: z.string().nullable().describe('Where it went'),
  label: z.string().nullable().describe('Its label'),
  confidence: z.number().nullable().describe('Score of the label, 0 to 1'),
  reason: z.string().nullable().describe('[Reason](#reasons) of the decision'),
});

export const levelSchema = z.object({
  percent: z.number().nullable().meta({ description: 'How full it is, 0 to 100', unit: '%' }),
  full: z.boolean().describe('Whether it counts as full'),
});

export const countersSchema = z.object({
  since: z.iso.datetime().describe('First start with this journal. The counters outlive a restart'),
  outcomes: counts.describe('Items by [outcome](#outcomes), since then'),
  compartments: counts.describe('Sorted items by compartment, since it was emptied, else since then'),
  labels: counts.describe('Decided items by label, since then'),
  reasons: counts.describe('Decided items by [reason](#reasons), since then'),
  emptied: z
    .record(z.string(), z.iso.datetime())
    .describe('When each compartment was last reported as emptied'),
  dropped: count.describe('Events that left the outbox unsent: it was full, or on request'),
  undeliverable: count.describe(
    'Events that the broker [refuses](brokers.md#events-that-the-broker-refuses) for good',
  ),
  unrecorded: count.describe('Events that could not be recorded, see below'),
});

/** The state of the bin, as the command `status` answers it. */
export const binStateSchema = z.object({
  schema: z.literal(1).describe('Version of this part'),
  at: z.iso.datetime().describe('Time of the answer'),
  cycle: z.string().describe('State of the cycle, see below'),
  locked: z.boolean().describe('Whether the gate is locked, by the service switch or by a hold'),
  held: z.boolean().describe('Whether a person holds the bin with `hold`'),
  lastItem: lastItemSchema.nullable().describe('The last item, or `null`'),
  faults: z.array(raisedFaultSchema).describe('The faults in force'),
  fill: z
    .array(levelSchema.extend({ compartment: z.string().describe('The compartment') }))
    .describe('Fill level of each compartment with a fill sensor'),
  counters: countersSchema.describe('What the bin has counted'),
});
export type BinState = z.infer<typeof binStateSchema>;
