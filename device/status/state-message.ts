import { z } from 'zod';
import { faultsByCode, faultsSchema } from './fault-message.js';
import { MODES, modeOf } from './mode.js';
import type { BinState } from './status.js';

const count = z.int().nonnegative();
const counts = z.record(z.string(), count);

/** The payload of the retained topic `state`. The format only gains keys. */
export const stateMessageSchema = z.object({
  schema: z.literal(2),
  at: z.iso.datetime(),
  mode: z.enum(MODES),
  locked: z.boolean().describe('The gate is locked, by the service switch or because the bin is held'),
  lastItem: z
    .object({
      id: z.string(),
      seq: z.int().positive(),
      at: z.iso.datetime(),
      outcome: z.string(),
      compartment: z.string().nullable(),
      label: z.string().nullable(),
      confidence: z.number().nullable(),
      reason: z.string().nullable(),
    })
    .nullable(),
  faults: faultsSchema.describe('The faults in force, by code'),
  fill: z
    .record(z.string(), z.object({ percent: z.number().nullable(), full: z.boolean() }))
    .describe('By compartment, if it has a fill sensor'),
  counters: z.object({
    since: z.iso.datetime().describe('Since when items are counted, also over restarts'),
    outcomes: counts,
    compartments: counts.describe('Sorted items by compartment, since it was reported as emptied'),
    emptied: z.record(z.string(), z.iso.datetime()).describe('Last report, by compartment'),
    dropped: count,
    undeliverable: count,
    unrecorded: count,
  }),
});

export type StateMessage = z.infer<typeof stateMessageSchema>;

/** Returns the payload of the topic `state`. Pure. */
export const stateMessage = (state: BinState): StateMessage => {
  const { at, locked, lastItem, faults, fill, counters } = state;
  const { since, outcomes, compartments, emptied, dropped, undeliverable, unrecorded } = counters;
  return {
    schema: 2,
    at,
    mode: modeOf(state),
    locked,
    lastItem,
    faults: faultsByCode(faults),
    fill: Object.fromEntries(fill.map(({ compartment, percent, full }) => [compartment, { percent, full }])),
    counters: { since, outcomes, compartments, emptied, dropped, undeliverable, unrecorded },
  };
};
