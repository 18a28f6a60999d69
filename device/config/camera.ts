import { z } from 'zod';
import { CAMERA_FAULTS } from '../hardware/camera/camera.js';
import { defaultDriver, hangStep, ms, path, script, text } from './fields.js';

const cameraStep = z.union([
  z.strictObject({
    picture: text(1024).describe('A frame from this file of the folder, such as paper/paper18.jpg'),
  }),
  z.strictObject({
    fault: z.enum(CAMERA_FAULTS).describe('A capture with this fault'),
  }),
  z.strictObject({ stale: z.literal(true).describe('A frame that is older than the trigger') }),
  z.strictObject({ garbage: z.literal(true).describe('Bytes that are not an image') }),
  hangStep(),
]);

export const camera = z
  .discriminatedUnion('driver', [
    z.strictObject({
      driver: defaultDriver('simulated', 'A camera that shows the images of a folder'),
      folder: path()
        .nullable()
        .default(null)
        .describe(
          'Image folder with a subfolder for each label, relative to the configuration file. null: test/samples',
        ),
      delayMs: ms(0, 60_000, 20, 'Duration of a capture in ms'),
      script: script(cameraStep)
        .default([])
        .describe(
          'Steps, one for each capture. The script repeats. Empty: all images in turn, mixed by label',
        ),
    }),
  ])
  .prefault({})
  .describe('Camera, which takes the frame');
