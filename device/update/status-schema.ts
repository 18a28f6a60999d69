import { z } from 'zod';
import type { TrustedRoot } from './repository/repository.js';
import { REPORT_EVENTS, type Rejection } from './state.js';
import type { BundleDetails, BundleEntry, BundleList, UpdateFault, UpdateStatus } from './status.js';

// Schemas of what updates report to people and programs.

const bundleId = z.object({
  name: z.string().describe('Name of the bundle'),
  version: z.string().describe('Its version'),
});

const fault = z
  .object({
    // A newer version has more codes than this one.
    code: (z.string() as z.ZodType<UpdateFault>).describe('A [fault code](troubleshooting.md#fault-codes)'),
    message: z.string().describe('What happened, and what to do'),
    detail: z.exactOptional(z.string()).describe('What of the part has the fault'),
  })
  .nullable();

export const rejectionSchema = bundleId.extend({
  manifestSha256: z.string().nullable().describe('Digest of its manifest; `null`: it had none'),
  code: z.string().describe('A [code](troubleshooting.md#rejected-bundles)'),
  reason: z.string().describe('Why it was rejected'),
  at: z.iso.datetime().describe('When it was rejected'),
}) satisfies z.ZodType<Rejection>;

export const updateStatusSchema = z.object({
  phase: z
    .enum(['idle', 'downloading', 'checking', 'ready', 'activating', 'watching'])
    .describe('What updates do now, see [updates.md](updates.md)'),
  current: bundleId.describe('The active bundle'),
  isFactory: z.boolean().describe('Whether it is the factory bundle'),
  previous: bundleId.nullable().describe('The bundle of a rollback; `null`: the factory bundle'),
  candidate: bundleId.nullable().describe('The bundle that is downloaded, checked, ready or activated'),
  progress: z
    .object({
      bytes: z.number().meta({ description: 'What is downloaded', unit: 'bytes' }),
      totalBytes: z.number().meta({ description: 'Size of the download', unit: 'bytes' }),
    })
    .nullable()
    .describe('The download that runs'),
  available: bundleId.nullable().describe('A newer bundle that is published and may be installed'),
  isPinned: z.boolean().describe('Whether the bin stays with its bundle'),
  rejected: z.array(rejectionSchema).describe('The rejected bundles'),
  last: z
    .object({
      event: z.enum(REPORT_EVENTS).describe('`returned`: the bin went back to an earlier bundle'),
      bundle: bundleId.nullable().describe('The bundle; `null`: the factory bundle'),
      code: z.string().nullable().describe('A [code](troubleshooting.md#rejected-bundles), if it failed'),
      reason: z.string().nullable().describe('Why, if it failed'),
      at: z.iso.datetime().describe('When'),
    })
    .nullable()
    .describe('What happened last'),
  checkedAtMs: z
    .number()
    .nullable()
    .meta({ description: 'Last successful check of the repository since the start, since 1970', unit: 'ms' }),
  fault: fault.describe('The present fault of updates'),
}) satisfies z.ZodType<UpdateStatus>;

/** The payload of the retained topic `update`. The format only gains keys. */
export const updateMessageSchema = z.object({
  schema: z.literal(1).describe('Version of the format'),
  phase: updateStatusSchema.shape.phase,
  installed: updateStatusSchema.shape.current,
  factory: updateStatusSchema.shape.isFactory,
  previous: updateStatusSchema.shape.previous,
  candidate: updateStatusSchema.shape.candidate,
  progress: updateStatusSchema.shape.progress,
  available: updateStatusSchema.shape.available,
  pinned: updateStatusSchema.shape.isPinned,
  last: updateStatusSchema.shape.last,
});
export type UpdateMessage = z.infer<typeof updateMessageSchema>;

const bundleEntrySchema = bundleId.extend({
  isCurrent: z.boolean().describe('Whether it is active'),
  isPrevious: z.boolean().describe('Whether a rollback leads to it'),
  isFactory: z.boolean().describe('Whether it is the factory bundle'),
  isInstalled: z.boolean().describe('Whether it is on the disk'),
  isPublished: z.boolean().describe('Whether it is in the repository'),
  hasOtherContent: z
    .boolean()
    .describe('Whether it is on the disk, but the published bundle of this id is another one'),
  isTrusted: z.boolean().describe('Whether it was healthy on this bin'),
  bytes: z.number().nullable().meta({ description: 'Size of its files', unit: 'bytes' }),
  installedAt: z.iso.datetime().nullable().describe('When it was installed'),
  rejection: rejectionSchema.nullable().describe('Why polls do not install it'),
  revoked: z
    .object({
      reason: z.string().describe('Why the owner revoked it'),
      at: z.iso.datetime().describe('When the owner revoked it'),
    })
    .nullable()
    .describe('Whether the owner of the repository revoked it'),
  checked: z
    .object({
      at: z.iso.datetime().describe('When'),
      runtimes: z
        .array(
          z.object({
            title: z.string().describe('Name of the runtime'),
            itemMs: z
              .number()
              .nullable()
              .meta({ description: 'Time of an item; `null`: not usable on this machine', unit: 'ms' }),
            reason: z.string().nullable().describe('Why the runtime is not usable'),
          }),
        )
        .describe('The runtimes that were tested'),
    })
    .nullable()
    .describe('The last checks that it passed on this bin'),
}) satisfies z.ZodType<BundleEntry>;

export const bundleListSchema = z.object({
  bundles: z
    .array(bundleEntrySchema.meta({ id: 'bundle' }))
    .describe('All bundles, the newest version first'),
  unusable: z
    .array(
      z.object({
        path: z.string().describe('Beginning of its path in the repository'),
        reason: z.string().describe('Why it cannot be used'),
      }),
    )
    .describe('What is published, but is not a bundle'),
  fault: fault.describe('The present fault of updates'),
  last: updateStatusSchema.shape.last,
}) satisfies z.ZodType<BundleList>;

export const bundleDetailsSchema = bundleEntrySchema.extend({
  folder: z.string().nullable().describe('Its folder; `null`: not installed'),
  files: z
    .array(
      z.object({
        file: z.string().describe('Path in the bundle'),
        bytes: z.number().meta({ description: 'Size', unit: 'bytes' }),
      }),
    )
    .nullable()
    .describe('Its files, as the repository describes them; `null`: not published'),
}) satisfies z.ZodType<BundleDetails>;

export const trustedRootSchema = z.object({
  version: z.number().describe('Version of the root'),
  keyIds: z.array(z.string()).describe('Ids of the keys that may sign a new root'),
  threshold: z.number().describe('Number of these keys that must sign'),
  expiresAtMs: z.number().meta({ description: 'When the root expires, since 1970', unit: 'ms' }),
}) satisfies z.ZodType<TrustedRoot>;
