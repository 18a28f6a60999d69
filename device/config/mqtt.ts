import { z } from 'zod';
import { ms, path, text, whole } from './fields.js';

const SECURE = /^(mqtts|wss):/;

const mqttShape = z.strictObject({
  url: z
    .string()
    .max(1000)
    .regex(/^(mqtts?|wss?):\/\/[^\s/?#]+([/?#]\S*)?$/)
    .superRefine((url, context) => {
      if (!URL.canParse(url)) context.addIssue({ code: 'invalid_format', format: 'url', input: url });
    })
    .meta({ title: 'a URL that begins with mqtt://, mqtts://, ws:// or wss:// and names a host' })
    .nullable()
    .default(null)
    .describe('The broker; null: the embedded one'),
  username: text(1000).nullable().default(null).describe('For the broker; null: none'),
  password: text(1000)
    .nullable()
    .default(null)
    .meta({ description: 'For the broker; never printed or logged; null: none', writeOnly: true }),
  ca: path()
    .nullable()
    .default(null)
    .describe(
      "PEM file of the authority that signed the broker's certificate, relative as dataDir; null: the ones that " +
        'Node.js trusts',
    ),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/)
    .max(200)
    .meta({ title: 'levels of A-Z, a-z, 0-9, _ or - with / between them, at most 200 characters' })
    .default('sortbin')
    .describe('What all topics begin with: {prefix}/{bin.id}/…'),
  keepaliveS: whole(
    5,
    3_600,
    30,
    'Seconds; a broker that is silent for one and a half of them counts as gone',
  ),
  window: whole(1, 1_000, 16, 'Events that may be on their way without a PUBACK'),
  pubackMs: ms(100, 600_000, 10_000, 'Deadline in ms for a PUBACK; then the connection is made anew'),
  backoff: z
    .strictObject({
      minMs: ms(10, 3_600_000, 1_000, 'Before the first retry, in ms'),
      maxMs: ms(10, 3_600_000, 60_000, 'The longest wait, in ms'),
    })
    .refine(({ minMs, maxMs }) => minMs <= maxMs, { path: ['minMs'], error: 'at most maxMs' })
    .prefault({})
    .describe('Waits between attempts to connect, growing, with jitter'),
  embedded: z
    .strictObject({
      host: text(255)
        .default('127.0.0.1')
        .describe('Address to listen on; 127.0.0.1: for this machine alone'),
      port: whole(0, 65_535, 1883, 'TCP port; 0: any free one'),
    })
    .prefault({})
    .describe('The broker inside the daemon, which runs where url is null'),
});

export const mqtt = mqttShape
  .superRefine(({ url, username, password, ca }, context) => {
    const report = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    if (password !== null && username === null) report('password', 'null, unless there is a username');
    if (ca !== null && !SECURE.test(url ?? ''))
      report('ca', 'null, unless url begins with mqtts:// or wss://');
  })
  .prefault({})
  .describe('Where events and state are published');
