import { z } from 'zod';
import { defaultDriver, driver, ms, path, shortName, text, whole } from './fields.js';
import { gate } from './gate.js';
import type { Fragment } from './json-schema.js';
import { mqtt } from './mqtt.js';
import { camera, model, vision } from './perception.js';
import { fill, panel, trigger } from './peripherals.js';
import { policy } from './policy.js';

export const bin = z
  .strictObject({
    id: shortName()
      .default('bin')
      .describe('Names this bin in topics and events; give each bin of a site its own'),
    name: text(100).default('Sorting bin').describe('What people see'),
  })
  .prefault({})
  .describe('Which bin this is');

export const dataDir = path()
  .default('data')
  .describe(
    'Folder of the journal and the kept frames, on a disk that survives a restart. Relative to the folder of the ' +
      'config file, or to where the daemon is started when there is none',
  );

export const lines = z
  .discriminatedUnion('driver', [
    z.strictObject({
      driver: defaultDriver('sortbin-io', 'The process sortbin-io holds the lines, by the character device'),
      program: path()
        .nullable()
        .default(null)
        .describe("The program, relative as dataDir; null: deploy/native's for this machine"),
      leaseMs: ms(
        100,
        60_000,
        1_000,
        'What is on goes off when the daemon has not renewed it for so long in ms',
      ),
      answerMs: ms(50, 60_000, 2_000, 'sortbin-io is killed when it has not answered within so many ms'),
    }),
    z.strictObject({
      driver: driver('onoff', 'Inputs by the package onoff over sysfs; outputs by sortbin-io over sysfs'),
      program: path().nullable().default(null).describe('As above'),
      leaseMs: ms(100, 60_000, 1_000, 'As above'),
      answerMs: ms(50, 60_000, 2_000, 'As above'),
    }),
    z.strictObject({
      driver: driver('simulated', 'Lines of air: whatever is asked for is there'),
    }),
  ])
  .prefault({})
  .describe('The GPIO lines; nothing is taken where no part uses them');

export const cycle = z
  .strictObject({
    recordMs: ms(10, 60_000, 2_000, 'For each write to the journal'),
    captureMs: ms(10, 60_000, 3_000, 'From the trigger to a frame that is newer than it'),
    classifyMs: ms(10, 60_000, 3_000, 'From the frame to a classification'),
    moveMs: ms(10, 120_000, 10_000, 'For the gate: into the compartment and home again'),
    homeMs: ms(10, 120_000, 10_000, 'For the gate to come home after a move that failed, and at the start'),
    homeRetryMs: ms(
      100,
      3_600_000,
      30_000,
      'The pause before a gate that did not come home, or a sensor that is not free, is tried again',
    ),
    handsMs: ms(
      100,
      600_000,
      2_000,
      'The pause after a move that an open lid or a lock forbade, before the sensor is read again',
    ),
    levelMs: ms(10, 60_000, 1_000, 'For the sensor to say whether something is still there'),
    stillThereLimit: whole(
      0,
      100,
      3,
      'How many times in a row an item that is still there when the gate is home is tried again',
    ),
  })
  .prefault({})
  .describe('How long each step of one item may take, in ms: what takes longer has failed');

export const journal = z
  .strictObject({
    maxEvents: whole(1, 10_000_000, 100_000, 'Events kept on record; the oldest sent ones go first'),
    maxOutbox: whole(
      1,
      1_000_000,
      20_000,
      'Events that wait for the broker; past this the oldest are dropped, counted and announced',
    ),
    frames: z
      .strictObject({
        maxCount: whole(0, 1_000_000, 2_000, 'Pictures kept; 0: none'),
        maxBytes: whole(0, 1_000_000_000_000, 200_000_000, 'Bytes of all kept pictures together'),
      })
      .prefault({})
      .describe('Pictures kept on the bin; the oldest go first'),
  })
  .prefault({})
  .describe('The record of events and frames on disk, and its bounds');

export const log = z
  .strictObject({
    level: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
      .default('info')
      .describe('The least severe lines that are written'),
    format: z
      .enum(['auto', 'pretty', 'json'])
      .default('auto')
      .describe('auto: pretty on a terminal, one JSON object a line elsewhere'),
  })
  .prefault({})
  .describe("The daemon's log, on standard output");

/**
 * The whole configuration: types, validation, JSON Schema and reference page come from here. Every key has a default,
 * so that `{}` is complete; unknown keys are refused; each `describe` text is what the reference page says.
 */
export const configSchema = z
  .strictObject({
    bin,
    dataDir,
    model,
    vision,
    lines,
    trigger,
    camera,
    gate,
    fill,
    panel,
    policy,
    cycle,
    journal,
    mqtt,
    log,
  })
  .describe('Configuration of the sorting bin');

export type Config = z.infer<typeof configSchema>;

// Each room is given its own part, never the whole.
/** @public */
export type BinConfig = Config['bin'];
/** @public */
export type ModelConfig = Config['model'];
/** @public */
export type VisionConfig = Config['vision'];
/** @public */
export type TriggerConfig = Config['trigger'];
/** @public */
export type CameraConfig = Config['camera'];
/** @public */
export type GateConfig = Config['gate'];
/** @public */
export type PolicyConfig = Config['policy'];
/** @public */
export type CycleConfig = Config['cycle'];
/** @public */
export type JournalConfig = Config['journal'];
/** @public */
export type MqttConfig = Config['mqtt'];
export type LogConfig = Config['log'];

/** The JSON Schema of what may be written into the file: every key is optional. */
export const jsonSchema = (): Fragment => z.toJSONSchema(configSchema, { io: 'input' }) as Fragment;
