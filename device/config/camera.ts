import { z } from 'zod';
import { CAMERA_FAULTS } from '../hardware/camera/camera.js';
import {
  checkIdenticalFrames,
  identicalFrames,
  rotation,
  rpicamCamera,
  v4l2Camera,
} from './camera-streams.js';
import { defaultDriver, driver, hangStep, integer, ms, path, reporterOf, script, text } from './fields.js';

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

const simulatedCamera = z.strictObject({
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
    .describe('Steps, one for each capture. The script repeats. Empty: all images in turn, mixed by label'),
});

const nodeLibcameraCamera = z
  .strictObject({
    driver: driver(
      'node-libcamera',
      'Stills of a ribbon-cable camera, by the package node-libcamera. A still takes 1 to 7 s',
    ),
    camera: integer(0, 15, 0, 'Index of the camera, as rpicam-hello --list-cameras shows it'),
    program: path()
      .nullable()
      .default(null)
      .describe(
        'Path of rpicam-still, not a bare name, relative to the configuration file. null: search PATH',
      ),
    width: integer(64, 8192, 1_640, 'Width of a still in pixels'),
    height: integer(64, 8192, 1_232, 'Height of a still in pixels'),
    rotation: rotation(),
    captureMs: ms(
      1_000,
      59_000,
      15_000,
      'Deadline in ms for a still, which takes 1 to 7 s. It must be less than cycle.captureMs',
    ),
    identicalFrames: identicalFrames(),
  })
  .superRefine((stills, context) => checkIdenticalFrames(stills.identicalFrames, reporterOf(context)));

export const camera = z
  .discriminatedUnion('driver', [simulatedCamera, rpicamCamera, v4l2Camera, nodeLibcameraCamera])
  .prefault({})
  .describe('Camera, which takes the frame');
