import { z } from 'zod';
import { EDGETPU_PERFORMANCES, RUNTIMES, TFLITE_BINDINGS } from '../perception/inference/runtimes.js';
import { defaultDriver, driver, hang, label, ms, path, script, share, text, whole } from './fields.js';

// Each part here is a union by `driver`: a further driver is a further member.

const answer = {
  unfamiliar: z.boolean().default(false).describe('Whether it looks unlike the training data'),
  delayMs: ms(0, 600_000, 0, 'Waits so long in ms before it answers'),
};

const visionStep = z.union([
  z.strictObject({
    label: label().describe('Answers with this label'),
    confidence: share().default(0.95).describe('Its score; the other labels share the rest'),
    ...answer,
  }),
  z.strictObject({
    scores: z
      .record(label(), z.number().min(0).max(1_000_000))
      .describe('Answers with these labels, by weight: scaled so that they add up to 1'),
    ...answer,
  }),
  z.strictObject({
    fault: z
      .enum([
        'picture-broken',
        'picture-blank',
        'vision-died',
        'vision-timeout',
        'vision-down',
        'vision-failed',
      ])
      .describe('Answers with this fault'),
    delayMs: answer.delayMs,
  }),
  hang(),
]);

export const vision = z
  .discriminatedUnion('driver', [
    z.strictObject({
      driver: defaultDriver('child', 'A child process decodes the frame and runs the model'),
      runtime: z
        .enum(['auto', ...RUNTIMES])
        .default('auto')
        .describe(
          'What executes the model; auto: the first of these that passes the golden samples of the bundle',
        ),
      threads: whole(1, 16, 1, 'CPU threads of one inference'),
      tflite: z
        .strictObject({
          binding: z
            .enum(['auto', ...TFLITE_BINDINGS])
            .default('auto')
            .describe('The library that runs the int8 model on the CPU; auto: LiteRT, else TensorFlow Lite'),
          library: path()
            .nullable()
            .default(null)
            .describe(
              "That library's path, where binding names one, relative as dataDir; null: deploy/native's",
            ),
        })
        .refine(({ binding, library }) => library === null || binding !== 'auto', {
          path: ['library'],
          message: 'set binding too: whose library it is',
        })
        .prefault({})
        .describe('TensorFlow Lite on the CPU'),
      edgetpu: z
        .strictObject({
          library: text().default('libedgetpu.so.1').describe('Name or path of libedgetpu'),
          device: text()
            .regex(
              /^(auto|usb|pci|(usb|pci)?:\d{1,2}|\/dev\/apex_\d{1,2})$/,
              'must be auto, usb, pci, usb:0, pci:0 or /dev/apex_0',
            )
            .default('auto')
            .describe('Which accelerator: auto, usb, pci, one of them by index as usb:0, or /dev/apex_0'),
          performance: z
            .enum(EDGETPU_PERFORMANCES)
            .nullable()
            .default(null)
            .describe("Its clock, where device names an index or a path; null: libedgetpu's own choice"),
        })
        .prefault({})
        .describe('The Coral Edge TPU'),
      nice: whole(0, 19, 0, 'How far the child gives way to other programs; 0: not at all'),
      cpus: z
        .array(whole(0, 1023, 0, 'Number of a core'))
        .min(1)
        .nullable()
        .default(null)
        .describe('Cores that the child may run on, as [2, 3]; null: all'),
      startMs: ms(100, 600_000, 20_000, 'Deadline in ms for the child to start and pass the golden samples'),
    }),
    z.strictObject({
      driver: driver('simulated', 'Answers as the script says, without a model'),
      script: script(visionStep)
        .min(1)
        .default(() => [{ label: 'paper', confidence: 0.95, unfamiliar: false, delayMs: 0 }])
        .describe('One step a frame, from the start again at its end'),
    }),
  ])
  .prefault({})
  .describe('How a frame is classified');

const cameraStep = z.union([
  z.strictObject({ picture: text(1024).describe('Shows this file of the folder: paper/paper18.jpg') }),
  z.strictObject({
    fault: z.enum(['camera-no-frame', 'camera-failed']).describe('Answers with this fault'),
  }),
  z.strictObject({ stale: z.literal(true).describe('Gives a frame that is older than the trigger') }),
  z.strictObject({ garbage: z.literal(true).describe('Gives bytes that are not a picture') }),
  hang(),
]);

export const camera = z
  .discriminatedUnion('driver', [
    z.strictObject({
      driver: defaultDriver('simulated', 'A camera before which the pictures of a folder are held'),
      folder: path()
        .nullable()
        .default(null)
        .describe(
          'Pictures in one folder a label, relative as dataDir; null: the shipped samples, test/samples',
        ),
      delayMs: ms(0, 60_000, 20, 'How long a capture takes, in ms'),
      script: script(cameraStep)
        .default([])
        .describe(
          'One step a capture, from the start again at its end; empty: all pictures in turn, mixed by label',
        ),
    }),
  ])
  .prefault({})
  .describe('What takes the frame');

export const model = z
  .strictObject({
    bundle: path()
      .nullable()
      .default(null)
      .describe('Folder of the model bundle, relative as dataDir; null: the factory bundle, deploy/model'),
  })
  .prefault({})
  .describe('What items are classified with');
