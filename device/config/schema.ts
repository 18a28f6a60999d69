import { z } from 'zod';
import { ultrasonicLevelOf } from '../hardware/trigger/ultrasonic-timing.js';
import { camera } from './camera.js';
import { defaultDriver, driver, integer, ms, path, reporterOf, shortName, text } from './fields.js';
import { gate } from './gate.js';
import { http } from './http.js';
import type { Fragment } from './json-schema.js';
import { mqtt } from './mqtt.js';
import { model, vision } from './perception.js';
import { fill, panel, trigger } from './peripherals.js';
import { policy } from './policy.js';
import { update } from './update.js';

const bin = z
  .strictObject({
    id: shortName()
      .default('bin')
      .describe('Identifier of this bin in topics and events. Each bin of a site needs its own'),
    name: text(100).default('Sorting bin').describe('Name of this bin for people'),
  })
  .prefault({})
  .describe('Identity of the bin');

const dataDir = path()
  .default('data')
  .describe(
    'Folder for journal and frames, relative to the configuration file. Its disk must survive a restart',
  );

const sortbinIo = {
  program: path()
    .nullable()
    .default(null)
    .describe(
      'Path of sortbin-io, relative to the configuration file. null: deploy/native, for this machine',
    ),
  leaseMs: ms(
    100,
    60_000,
    1_000,
    'Lease in ms. sortbin-io turns an output off if the daemon does not renew it within this time',
  ),
  answerMs: ms(
    50,
    60_000,
    2_000,
    'Deadline in ms for an answer of sortbin-io. After it, sortbin-io is killed',
  ),
};

const lines = z
  .discriminatedUnion('driver', [
    z.strictObject({
      driver: defaultDriver(
        'sortbin-io',
        'The process sortbin-io, which owns the lines through the character device',
      ),
      ...sortbinIo,
    }),
    z.strictObject({
      driver: driver('onoff', 'sysfs. The package onoff reads the inputs, sortbin-io drives the outputs'),
      ...sortbinIo,
    }),
    z.strictObject({
      driver: driver('simulated', 'Lines without hardware. Every line exists'),
    }),
  ])
  .prefault({})
  .describe('GPIO lines. They are opened only if a part uses them');

const cycle = z
  .strictObject({
    recordMs: ms(10, 60_000, 2_000, 'Deadline in ms for each write to the journal'),
    captureMs: ms(10, 60_000, 3_000, 'Deadline in ms for a frame that is newer than the trigger'),
    classifyMs: ms(10, 60_000, 3_000, 'Deadline in ms for the classification of the frame'),
    moveMs: ms(
      10,
      120_000,
      10_000,
      'Deadline in ms for the gate to reach the compartment and to be home again',
    ),
    homeMs: ms(
      10,
      120_000,
      10_000,
      'Deadline in ms for the gate to come home at the start and after a failed move',
    ),
    homeRetryMs: ms(
      100,
      3_600_000,
      30_000,
      'Pause in ms before the next try if the gate did not come home or the sensor is not free',
    ),
    handsMs: ms(
      100,
      600_000,
      2_000,
      'Pause in ms before the sensor is read again, after an open lid or a lock prevented a move',
    ),
    levelMs: z
      .int()
      .min(10)
      .max(60_000)
      .nullable()
      .default(null)
      .describe(
        'Deadline in ms for the level of the sensor. null: 1000, or more for several ultrasonic sensors',
      ),
    stillThereLimit: integer(
      0,
      100,
      3,
      'Number of times in a row that an item still in front of the sensor is sorted again',
    ),
  })
  .prefault({})
  .describe('Deadlines and pauses of one item, in ms. A step that misses its deadline has failed');

const journal = z
  .strictObject({
    maxEvents: integer(
      1,
      10_000_000,
      100_000,
      'Maximum number of stored events. The oldest sent events are deleted',
    ),
    maxOutbox: integer(
      1,
      1_000_000,
      20_000,
      'Maximum number of events that wait for the broker. The oldest are dropped, counted and reported',
    ),
    frames: z
      .strictObject({
        maxCount: integer(0, 1_000_000, 2_000, 'Maximum number of stored frames. 0: none'),
        maxBytes: integer(0, 1_000_000_000_000, 200_000_000, 'Maximum size of all stored frames in bytes'),
      })
      .prefault({})
      .describe('Frames stored on the bin. The oldest are deleted'),
  })
  .prefault({})
  .describe('Journal: the record of events and frames on disk, and its limits');

const log = z
  .strictObject({
    level: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
      .default('info')
      .describe('Lowest severity of the lines that are written'),
    format: z
      .enum(['auto', 'pretty', 'json'])
      .default('auto')
      .describe('Format of the lines. auto: pretty on a terminal, otherwise json, one object per line'),
  })
  .prefault({})
  .describe('Log of the daemon, on standard output');

/**
 * The whole configuration. Types, validation, JSON Schema and reference page are derived from it. Every key has a default,
 * so that `{}` is complete. Unknown keys are refused. Each `describe` text appears on the reference page.
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
    http,
    update,
    log,
  })
  .superRefine(({ camera, cycle, fill, panel, trigger }, context) => {
    const { refuse } = reporterOf(context);
    const { triggers, fillSensors, longestMs } = ultrasonicLevelOf(trigger, fill);
    if (cycle.levelMs !== null && cycle.levelMs < longestMs)
      refuse(['cycle', 'levelMs'], `null or a value from ${longestMs}`, {
        context: `because the ${triggers + fillSensors} ultrasonic sensors measure in turns and take up to ${longestMs} ms`,
      });
    if (camera.driver === 'node-libcamera' && cycle.captureMs <= camera.captureMs)
      refuse(['cycle', 'captureMs'], `a value above camera.captureMs (${camera.captureMs})`, {
        context: 'with camera.driver node-libcamera, because a still takes 1 to 7 s',
      });
    if (camera.driver !== 'rpicam' && camera.driver !== 'v4l2') return;
    const leastMs = (camera.latencyMs ?? 0) + Math.ceil(2_000 / camera.framesPerSecond);
    if (cycle.captureMs < leastMs)
      refuse(
        ['cycle', 'captureMs'],
        `a value from ${leastMs}, which is camera.latencyMs and the time of two frames`,
      );
    if (camera.driver === 'rpicam' && camera.lockAfterMs !== null && panel.light !== null)
      refuse(['camera', 'lockAfterMs'], 'null', {
        context: 'with panel.light, because the light is off while the camera adjusts itself',
        fix: 'Set exposure, whiteBalance and focus instead',
      });
  })
  .describe('Configuration of the sorting bin');

/** Returns the JSON Schema of the file, in which every key is optional. */
export const jsonSchema = (): Fragment => z.toJSONSchema(configSchema, { io: 'input' }) as Fragment;

export type Config = z.infer<typeof configSchema>;

export type LogConfig = Config['log'];
