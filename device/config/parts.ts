import { z } from 'zod';
import { ms, path, shortName, text, whole } from './fields.js';

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

export const model = z
  .strictObject({
    bundle: path()
      .nullable()
      .default(null)
      .describe('Folder of the model bundle, relative as dataDir; null: the factory bundle, deploy/model'),
  })
  .prefault({})
  .describe('What items are classified with');

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
