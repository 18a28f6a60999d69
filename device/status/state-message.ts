import { z } from 'zod';
import { countersSchema, lastItemSchema, levelSchema } from './bin-state.js';
import { faultsByCode, faultsSchema } from './fault-message.js';
import { MODES, modeOf } from './mode.js';
import type { BinState } from './status.js';

/** The payload of the retained topic `state`. The format only gains keys. */
export const stateMessageSchema = z.object({
  schema: z.literal(2).describe('Version of the format'),
  at: z.iso.datetime().describe('Time of the message'),
  mode: z.enum(MODES).describe('What the bin does, see [Modes](#modes)'),
  locked: z.boolean().describe('Whether the gate is locked, by the service switch or by a hold'),
  lastItem: lastItemSchema.nullable().describe('The last item, or `null`'),
  faults: faultsSchema.describe('The faults in force, by code, see [Fault](#fault)'),
  fill: z.record(z.string(), levelSchema).describe('By compartment, if it has a fill sensor'),
  counters: countersSchema.omit({ labels: true, reasons: true }).describe('What the bin has counted'),
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
