import { z } from 'zod';
import { isBundleName, isBundleVersion } from './bundle-id.js';
import { CAUSES, initialState, type Phase, REPORT_EVENTS, type State } from './state.js';

const idSchema = z.object({
  name: z.string().refine(isBundleName),
  version: z.string().refine(isBundleVersion),
});
const rejectionSchema = idSchema.extend({ code: z.string(), reason: z.string(), at: z.string() });
const runtimeSchema = z.object({
  title: z.string(),
  itemMs: z.number().nullable(),
  reason: z.string().nullable(),
});
const checksSchema = idSchema.extend({ at: z.string(), runtimes: z.array(runtimeSchema) });
const count = z.int().nonnegative();
/** Other phases do not survive a restart: the update is forgotten, and the next poll continues it. */
const phaseSchema: z.ZodType<Phase> = z
  .object({ name: z.literal('ready'), bundle: idSchema, cause: z.enum(CAUSES) })
  .or(z.unknown().transform((): Phase => ({ name: 'idle' })));

const stateSchema = z.object({
  schema: z.literal(1),
  phase: phaseSchema,
  current: idSchema.nullable(),
  previous: idSchema.nullable(),
  watch: z.object({ faults: count, items: count, sinceMs: z.number() }).nullable(),
  starts: count,
  attempt: idSchema.extend({ count }).nullable(),
  isPinned: z.boolean(),
  rejected: z.array(rejectionSchema),
  revoked: z.array(idSchema.extend({ reason: z.string(), at: z.string() })),
  halted: z.array(z.string()),
  trusted: z.array(idSchema),
  checked: z.array(checksSchema).catch([]),
  last: z
    .object({
      event: z.enum(REPORT_EVENTS),
      bundle: idSchema.nullable(),
      code: z.string().nullable(),
      reason: z.string().nullable(),
      at: z.string(),
    })
    .nullable()
    .catch(null),
});

/** Reads a stored state. Unknown keys are ignored. A damaged or unknown state becomes the initial one. */
export const restoreState = (stored: unknown): State => {
  const parsed = stateSchema.safeParse(stored);
  return parsed.success ? { ...initialState, ...parsed.data } : initialState;
};
