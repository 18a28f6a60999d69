import { z } from 'zod';
import { withoutMarks } from '../kit/markdown.js';
import { explainFault } from './faults/faults.js';
import type { RaisedFault } from './status.js';

const partsSchema = z.record(
  z.string(),
  z.object({
    message: z.string().describe('What happened, and what to do. It may change while the fault lasts'),
    detail: z.string().optional().describe('What of the part has the fault, such as the name of a line'),
  }),
);
const faultSchema = z.object({
  since: z.iso.datetime().describe('When the first of its parts had the fault'),
  parts: partsSchema.describe('The parts of the bin that have the fault, by name'),
});

/** Faults in force, by code. */
export const faultsSchema = z.record(z.string(), faultSchema);
export type Faults = z.infer<typeof faultsSchema>;

/** The payload of a retained topic `fault/<code>`. The format only gains keys. */
export const faultMessageSchema = z
  .object({
    schema: z.literal(1).describe('Version of the format'),
    code: z.string().describe('A [fault code](troubleshooting.md#fault-codes)'),
    state: z.enum(['raised', 'cleared']).describe('Whether the fault is in force'),
    since: z.iso.datetime().describe('When it was raised or cleared'),
    meaning: z.string().nullable().describe('What is wrong; `null`: a code that is not in the list'),
    cure: z.string().nullable().describe('What to do'),
    link: z.string().describe('Page of the documentation, in the folder of sortbin'),
    parts: faultSchema.shape.parts,
  })
  .meta({ id: 'fault' });
export type FaultMessage = z.infer<typeof faultMessageSchema>;

const DEFAULT_PAGE = 'troubleshooting.md#fault-codes';

/** Groups faults by their code. Several parts can have a fault with the same code. */
export const faultsByCode = (raised: readonly RaisedFault[]): Faults => {
  const faults: Faults = {};
  for (const { part, code, message, detail, since } of raised) {
    const known = faults[code];
    const parts = { ...known?.parts, [part]: { message, ...(detail === undefined ? {} : { detail }) } };
    faults[code] = { since: known && known.since < since ? known.since : since, parts };
  }
  return faults;
};

export const raisedMessage = (code: string, fault: Faults[string]): FaultMessage => ({
  ...textsOf(code),
  state: 'raised',
  ...fault,
});

export const clearedMessage = (code: string, since: string): FaultMessage => ({
  ...textsOf(code),
  state: 'cleared',
  since,
  parts: {},
});

const textsOf = (code: string) => {
  const text = explainFault(code);
  return {
    schema: 1 as const,
    code,
    meaning: text && withoutMarks(text.meaning),
    cure: text && withoutMarks(text.cure),
    link: `docs/${text?.page ?? DEFAULT_PAGE}`,
  };
};
