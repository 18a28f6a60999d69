import { z } from 'zod';
import { isBundleName, isBundleVersion } from './bundle-id.js';
import { CAUSES, initialState, type Phase, REPORT_EVENTS, type State } from './state.js';

const idSchema = z.object({
  name: z.string().refine(isBundleName),
  version: z.string().refine(isBundleVersion),
});
const rejectionSchema = idSchema.extend({
  manifestSha256: z.string().nullable().default(null),
  code: z.string(),
  reason: z.string(),
  at: z.string(),
});
const runtimeSchema = z.object({
  title: z.string(),
  itemMs: z.number().nullable(),
  reason: z.string().nullable(),
});
const checksSchema = idSchema.extend({ at: z.string(), runtimes: z.array(runtimeSchema) });
/** Drops what does not fit, so that one bad entry does not cost the whole state. */
const listOf = <T>(schema: z.ZodType<T>) =>
  z.array(z.unknown()).transform((all) =>
    all.flatMap((one) => {
      const parsed = schema.safeParse(one);
      return parsed.success ? [parsed.data] : [];
    }),
  );
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
  watch: z.object({ faults: count, allFaults: count, items: count, sinceMs: z.number() }).nullable(),
  starts: count,
  attempt: idSchema.extend({ count }).nullable(),
  isPinned: z.boolean(),
  rejected: listOf(rejectionSchema),
  revoked: listOf(idSchema.extend({ reason: z.string(), at: z.string() })),
  halted: listOf(z.string()),
  trusted: listOf(idSchema),
  checked: listOf(checksSchema).catch([]),
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

/** What is kept of a state whose other parts are damaged: what a person chose, and which bundles are bad. */
const keptSchema = stateSchema.pick({ schema: true }).extend({
  isPinned: stateSchema.shape.isPinned.catch(false),
  rejected: stateSchema.shape.rejected.catch([]),
  revoked: stateSchema.shape.revoked.catch([]),
  halted: stateSchema.shape.halted.catch([]),
});

/** Reads a stored state; null: none. Unknown keys are ignored. `onDamage` receives why a part of it is not usable. */
export const restoreState = (stored: unknown, onDamage: (problem: string) => void = () => {}): State => {
  const parsed = stateSchema.safeParse(stored);
  if (parsed.success) return { ...initialState, ...parsed.data };
  if (stored !== null) onDamage(z.prettifyError(parsed.error).replaceAll('\n', ' '));
  return { ...initialState, ...keptSchema.safeParse(stored).data };
};
