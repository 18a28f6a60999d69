import { z } from 'zod';
import { COMMAND_NAMES } from '../kit/command.js';
import { integer, ms, path, type Reporter, reporterOf, text } from './fields.js';

const ENCRYPTED = /^(mqtts|wss):/;

/** Commands over MQTT that move nothing, lose nothing, and change no model. */
const DEFAULT_COMMANDS = [
  'status',
  'hold',
  'emptied',
  'dispute',
  'model.status',
  'model.list',
  'model.show',
  'model.check',
] as const;

interface Login {
  readonly url: string | null;
  readonly username: string | null;
  readonly password: string | null;
  readonly passwordFile: string | null;
}

/** Checks that there is one user name and one password, each with one source. */
const checkLogin = (login: Login, { refuse }: Reporter): void => {
  const inUrl = loginIn(login.url);
  if (inUrl === 'undecodable')
    refuse(['url'], 'a URL in which each % of the user name and the password begins an escape', {
      context: 'with a percent sign that begins no escape',
      fix: 'Write %25 for a percent sign in the user name or the password',
    });
  else if (inUrl === 'no-username')
    refuse(['url'], 'a URL with a user name', {
      context: 'with a password and without a user name',
      fix: 'Add the user name',
    });
  const { username, password } = login;
  for (const name of ['username', 'password', 'passwordFile'] as const) {
    if (login[name] === null) continue;
    if (inUrl !== 'nothing')
      refuse([name], 'null', {
        context: 'beside a user name in url',
        fix: 'Remove the user name and the password from url, or use null',
      });
    else if (username === null)
      refuse([name], 'null', { context: 'without a username', fix: 'Set username, or use null' });
    else if (name === 'passwordFile' && password !== null)
      refuse([name], 'null', { context: 'beside password', fix: 'Remove password, or use null' });
  }
};

/** Returns what a URL contains of a user name and a password. */
const loginIn = (url: string | null): 'nothing' | 'login' | 'no-username' | 'undecodable' => {
  if (url === null || !URL.canParse(url)) return 'nothing';
  const { username, password } = new URL(url);
  if (username === '') return password === '' ? 'nothing' : 'no-username';
  try {
    decodeURIComponent(`${username}${password}`);
    return 'login';
  } catch {
    return 'undecodable';
  }
};

interface TlsFiles {
  readonly url: string | null;
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

const checkFiles = (files: TlsFiles, { refuse }: Reporter): void => {
  const otherOf = { ca: 'ca', cert: 'key', key: 'cert' } as const;
  for (const name of ['ca', 'cert', 'key'] as const) {
    if (files[name] === null) continue;
    const other = otherOf[name];
    if (!ENCRYPTED.test(files.url ?? ''))
      refuse([name], 'null', {
        context: 'unless url begins with mqtts:// or wss://',
        fix: 'Change url, or use null',
      });
    else if (files[other] === null)
      refuse([name], 'null', { context: `without ${other}`, fix: `Set ${other}, or use null` });
  }
};

/** The beginning of topics. */
const topicLevels = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/)
    .max(200)
    .meta({ title: 'levels of A-Z, a-z, 0-9, _ or - with / between them, at most 200 characters' });

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
    passwordFile: path()
      .nullable()
      .default(null)
      .describe(
        'File that contains only the password, relative to the configuration file. null: see the password',
      ),
    ca: path()
      .nullable()
      .default(null)
      .describe(
        "PEM file of the broker's CA, relative to the configuration file. null: the CAs that Node.js trusts",
      ),
    cert: path()
      .nullable()
      .default(null)
      .describe('PEM file of the client certificate, relative to the configuration file. null: none'),
    key: path()
      .nullable()
      .default(null)
      .describe('PEM file of the key of cert, relative to the configuration file. null: none'),
    proveRights: z
      .boolean()
      .default(true)
      .describe(
        'Whether, with MQTT 3.1.1, the first event must come back, so that no rule drops events unseen',
      ),
    prefix: topicLevels().default('sortbin').describe('First part of every topic: {prefix}/{bin.id}/'),
    keepaliveS: integer(
      5,
      3_600,
      30,
      'Keepalive interval in seconds. A broker that is silent for 1.5 intervals counts as disconnected',
    ),
    window: integer(1, 1_000, 16, 'Maximum number of events without a PUBACK'),
    pubackMs: ms(100, 600_000, 10_000, 'Deadline in ms for a PUBACK. After it, the bin connects again'),
    commands: z
      .array(z.enum(COMMAND_NAMES))
      .max(COMMAND_NAMES.length)
      .meta({ title: 'a list of names of commands' })
      .default([...DEFAULT_COMMANDS])
      .describe('Commands that the bin accepts over MQTT. [] for none. docs/mqtt.md lists all of them'),
    image: z
      .boolean()
      .default(false)
      .describe(
        'Whether the picture of each item is published on the topic image. Anyone on the broker sees it',
      ),
    homeAssistant: z
      .strictObject({
        enabled: z.boolean().default(false).describe('Whether the bin announces itself to Home Assistant'),
        prefix: topicLevels()
          .default('homeassistant')
          .describe('First part of the topics that Home Assistant reads: its "Discovery prefix"'),
      })
      .prefault({})
      .describe('Home Assistant: all entities of the bin appear there by themselves'),
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
  .superRefine((values, context) => {
    const reporter = reporterOf(context);
    checkLogin(values, reporter);
    checkFiles(values, reporter);
  })
  .prefault({})
  .describe('MQTT connection, which publishes events and state');
