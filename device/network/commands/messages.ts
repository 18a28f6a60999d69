import { z } from 'zod';
import { transactionSchema } from './commands.js';

// The messages of commands over MQTT.

/** What a request has beside the keys of its command. */
export const requestHeadSchema = z.looseObject({
  transaction: transactionSchema
    .optional()
    .describe('1 to 64 printable ASCII characters. A request that is sent again is not executed again'),
  expires: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('The bin refuses the request after this time, and while its own clock is not set'),
});

const head = z.object({
  schema: z.literal(1).describe('Version of the format'),
  transaction: z.string().nullable().describe('That of the request, or `null`'),
});

/** The payload of `response/<command>`. `value`: what the command returns. */
export const responseSchemaOf = <Value extends z.ZodType>(value: Value) =>
  z.discriminatedUnion('ok', [
    head.extend({
      ok: z.literal(true).describe('Whether the command was executed'),
      value: value.describe('Only if `ok`: what the command returns'),
    }),
    head.extend({
      ok: z.literal(false),
      fault: z
        .object({
          code: z
            .enum(['control-refused', 'control-unfit', 'control-failed', 'control-unknown'])
            .describe('Why, see below'),
          message: z.string().describe('What is wrong, for people'),
          detail: z.string().optional().describe('What of the part has the fault'),
        })
        .describe('Only if not `ok`: why the command was not executed'),
    }),
  ]);

export type Response = z.infer<ReturnType<typeof responseSchemaOf<z.ZodUnknown>>>;
