import { z } from 'zod';
import { integer, path, reporterOf } from './fields.js';

export const update = z
  .strictObject({
    url: z
      .string()
      .max(1000)
      .regex(/^(https?:\/\/[^\s\p{Cc}/?#@]+|file:\/\/)(\/[^\s\p{Cc}?#]*)?$/u)
      .superRefine((url, context) => {
        if (!URL.canParse(url)) context.addIssue({ code: 'invalid_format', format: 'url', input: url });
      })
      .meta({ title: 'a URL that begins with http://, https:// or file://, without a login, ? and #' })
      .nullable()
      .default(null)
      .describe('URL of a repository of models: the folder of `metadata` and `targets`. null: no polling'),
    root: path()
      .nullable()
      .default(null)
      .describe(
        'root.json of the repository that you trust, relative to the configuration file. null: that of `model trust`',
      ),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/)
      .meta({ title: 'a name of 1 to 40 characters from a-z, 0-9 and -, with a letter or digit first' })
      .nullable()
      .default(null)
      .describe('Name of the bundles that this bin takes. null: that of the factory bundle'),
    everyMinutes: integer(
      1,
      10_080,
      360,
      'Mean interval of polling in minutes. Each pause is 0.5 to 1.5 times as long',
    ),
    hours: z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/)
      .meta({ title: 'two times of the day such as 22:00-06:00' })
      .nullable()
      .default(null)
      .describe('Local times between which a new model is downloaded and activated. null: at any time'),
    maxBytesPerSecond: z
      .int()
      .min(1_024)
      .max(1_000_000_000)
      .nullable()
      .default(null)
      .describe('Maximum rate of downloads in bytes per second. null: no limit'),
  })
  .superRefine(({ url, hours }, context) => {
    const { refuse } = reporterOf(context);
    if (hours === null) return;
    const [from, to] = hours.split('-');
    if (from === to) refuse(['hours'], 'null, or two different times');
    if (url === null) refuse(['hours'], 'null', { context: 'without url', fix: 'Set url, or use null' });
  })
  .prefault({})
  .describe('Updates of the model');
