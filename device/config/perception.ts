import { z } from 'zod';
import { EDGETPU_PERFORMANCES, RUNTIMES, TFLITE_BINDINGS } from '../perception/inference/runtimes.js';
import {
  defaultDriver,
  driver,
  fraction,
  hangStep,
  integer,
  label,
  ms,
  path,
  script,
  text,
} from './fields.js';

// The model, and the vision process that runs it.

export const model = z
  .strictObject({
    bundle: path()
      .nullable()
      .default(null)
      .describe(
        'Model bundle folder, relative to the configuration file. null: the factory bundle, deploy/model',
      ),
  })
  .prefault({})
  .describe('Model that classifies the items');

const tflite = z
  .strictObject({
    binding: z
      .enum(['auto', ...TFLITE_BINDINGS])
      .default('auto')
      .describe(
        'Library for the int8 model on the CPU. auto: LiteRT, or TensorFlow Lite if LiteRT does not work',
      ),
    library: path()
      .nullable()
      .default(null)
      .describe('Path of the library for binding, relative to the configuration file. null: deploy/native'),
  })
  .refine(({ binding, library }) => library === null || binding !== 'auto', {
    path: ['library'],
    message: 'null',
    params: {
      context: 'with binding "auto"',
      fix: 'Set binding to the type of this library, or use null',
    },
  })
  .prefault({})
  .describe('TensorFlow Lite on the CPU');

const edgetpu = z
  .strictObject({
    library: text().default('libedgetpu.so.1').describe('Name or path of libedgetpu'),
    device: text()
      .regex(/^(auto|usb|pci|(usb|pci)?:\d{1,2}|\/dev\/apex_\d{1,2})$/)
      .meta({ title: 'auto, usb, pci, an index such as usb:0, pci:0 or :0, or a path such as /dev/apex_0' })
      .default('auto')
      .describe('Accelerator: automatic choice, any on a bus, one by index, or one by path'),
    performance: z
      .enum(EDGETPU_PERFORMANCES)
      .nullable()
      .default(null)
      .describe(
        'Clock rate. It has no effect unless device is an index or a path. null: chosen by libedgetpu',
      ),
  })
  .prefault({})
  .describe('Coral Edge TPU');

const classification = {
  unfamiliar: z
    .boolean()
    .default(false)
    .describe('Whether the item is marked as unfamiliar: unlike the training data (out of distribution)'),
  delayMs: ms(0, 600_000, 0, 'Delay of the answer in ms'),
};

const visionStep = z.union([
  z.strictObject({
    label: label().describe('Label of the classification'),
    confidence: fraction()
      .default(0.95)
      .describe('Score of the label, from 0 to 1. The other labels share the rest'),
    ...classification,
  }),
  z.strictObject({
    scores: z
      .record(label(), z.number().min(0).max(1_000_000))
      .describe('Scores of the labels. They are scaled to a sum of 1'),
    ...classification,
  }),
  z.strictObject({
    fault: z
      .enum([
        'picture-broken',
        'picture-blank',
        'picture-dark',
        'picture-overexposed',
        'vision-died',
        'vision-timeout',
        'vision-down',
        'vision-failed',
      ])
      .describe('A classification with this fault'),
    delayMs: classification.delayMs,
  }),
  hangStep(),
]);

export const vision = z
  .discriminatedUnion('driver', [
    z.strictObject({
      driver: defaultDriver('child', 'A separate vision process that decodes the frame and runs the model'),
      runtime: z
        .enum(['auto', ...RUNTIMES])
        .default('auto')
        .describe('Runtime of the model. auto: the first in this order that passes the golden samples'),
      threads: integer(1, 16, 1, 'Number of CPU threads for one inference'),
      tflite,
      edgetpu,
      nice: integer(0, 19, 0, 'Niceness of the vision process. 0: normal priority. 19: lowest priority'),
      cpus: z
        .array(integer(0, 1023, 0, 'Number of a CPU core'))
        .min(1)
        .nullable()
        .default(null)
        .describe('CPU cores that the vision process may use, such as [2, 3]. null: all cores'),
      startMs: ms(
        100,
        600_000,
        20_000,
        'Deadline in ms for the vision process to start and to pass the golden samples',
      ),
    }),
    z.strictObject({
      driver: driver('simulated', 'Scripted classifications without a model'),
      script: script(visionStep)
        .min(1)
        .default(() => [{ label: 'paper', confidence: 0.95, unfamiliar: false, delayMs: 0 }])
        .describe('Steps, one for each frame. The script repeats'),
    }),
  ])
  .prefault({})
  .describe('Vision, which classifies a frame');
