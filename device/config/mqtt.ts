import { z } from 'zod';
import { integer, ms, path, reporterOf, text } from './fields.js';

const ENCRYPTED = /^(mqtts|wss):/;

export const mqtt = z
  .strictObject({
    url: z
      .string()
      .max(1000)
      .regex(/^(mqtts?|wss?):\/\/[^\s\p{Cc}/?#]+([/?#][^\s\p{Cc}]*)?$/u)
      .superRefine((url, context) => {
        if (!URL.canParse(url)) context.addIssue({ code: 'invalid_format', format: 'url', input: url });
      })
      .meta({ title: 'a URL that begins with mqtt://, mqtts://, ws:// or wss:// and names a host' })
      .nullable()
      .default(null)
      .describe('URL of the broker. null: the embedded broker'),
    username: text(1000).nullable().default(null).describe('User name for the broker. null: no login'),
    password: text(1000).nullable().default(null).meta({
      description: 'Password for the broker. It is never printed or logged. null: no password',
      writeOnly: true,
    }),
    ca: path()
      .nullable()
      .default(null)
      .describe(
        "PEM file of the broker's CA, relative to the configuration file. null: the CAs that Node.js trusts",
      ),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/)
      .max(200)
      .meta({
        title: 'levels of A-Z, a-z, 0-9, _ or - with / between them, at most 200 characters',
      })
      .default('sortbin')
      .describe('First part of every topic: {prefix}/{bin.id}/'),
    keepaliveS: integer(
      5,
      3_600,
      30,
      'Keepalive interval in seconds. A broker that is silent for 1.5 intervals counts as disconnected',
    ),
    window: integer(1, 1_000, 16, 'Maximum number of events without a PUBACK'),
    pubackMs: ms(100, 600_000, 10_000, 'Deadline in ms for a PUBACK. After it, the bin connects again'),
    backoff: z
      .strictObject({
        minMs: ms(10, 3_600_000, 1_000, 'Pause in ms before the first new attempt'),
        maxMs: ms(10, 3_600_000, 60_000, 'Longest pause in ms between two attempts'),
      })
      .superRefine(({ minMs, maxMs }, context) => {
        if (minMs > maxMs) reporterOf(context).refuse(['minMs'], `a value up to maxMs (${maxMs})`);
      })
      .prefault({})
      .describe('Pauses between attempts to connect. They grow from minMs to maxMs, with jitter'),
    embedded: z
      .strictObject({
        host: text(255)
          .default('127.0.0.1')
          .describe('Address that the embedded broker listens on. 127.0.0.1: this computer only'),
        port: integer(0, 65_535, 1883, 'TCP port of the embedded broker. 0: any free port'),
      })
      .prefault({})
      .describe('Embedded broker in the daemon. It runs if url is null'),
  })
  .superRefine(({ url, username, password, ca }, context) => {
    const { refuse } = reporterOf(context);
    if (password !== null && username === null)
      refuse(['password'], 'null', { context: 'without a username', fix: 'Set username, or use null' });
    if (ca !== null && !ENCRYPTED.test(url ?? ''))
      refuse(['ca'], 'null', {
        context: 'unless url begins with mqtts:// or wss://',
        fix: 'Change url, or use null',
      });
  })
  .prefault({})
  .describe('MQTT connection, which publishes events and state');
