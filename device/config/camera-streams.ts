import { z } from 'zod';
import { driver, fraction, integer, ms, path, type Reporter, reporterOf } from './fields.js';

// The cameras that deliver a stream of frames.

export const identicalFrames = () =>
  integer(
    0,
    100,
    2,
    'Number of identical frames in a row that count as a frozen camera. 0: never. 1 is not allowed',
  );

export const checkIdenticalFrames = (count: number, { refuse }: Reporter): void => {
  if (count === 1) refuse(['identicalFrames'], '0 or a value from 2 to 100');
};

/** The keys of a camera that delivers a stream of frames. */
const streamKeys = (defaults: { readonly startMs: number; readonly dropFrames: number }) => ({
  width: integer(64, 8192, 640, 'Width of a frame in pixels'),
  height: integer(64, 8192, 480, 'Height of a frame in pixels'),
  framesPerSecond: integer(1, 120, 15, 'Frames per second'),
  startMs: ms(500, 120_000, defaults.startMs, 'Deadline in ms for the first frame after a start'),
  freezeMs: ms(
    100,
    60_000,
    1_000,
    'Time in ms without a frame after which the camera counts as frozen and is restarted',
  ),
  dropFrames: integer(
    0,
    1_000,
    defaults.dropFrames,
    'Number of frames that are dropped after each start, until exposure and white balance are right',
  ),
  identicalFrames: identicalFrames(),
});

const checkStream = (
  stream: {
    readonly framesPerSecond: number;
    readonly startMs: number;
    readonly freezeMs: number;
    readonly dropFrames: number;
    readonly identicalFrames: number;
  },
  reporter: Reporter,
): void => {
  const leastMs = Math.ceil(2_000 / stream.framesPerSecond);
  if (stream.freezeMs < leastMs)
    reporter.refuse(['freezeMs'], `a value from ${leastMs}, the time of two frames at framesPerSecond`);
  const dropMs = Math.ceil((1_000 * (stream.dropFrames + 1)) / stream.framesPerSecond);
  if (stream.startMs <= dropMs)
    reporter.refuse(
      ['startMs'],
      `a value above ${dropMs}, the time of dropFrames and one more frame at framesPerSecond`,
    );
  checkIdenticalFrames(stream.identicalFrames, reporter);
};

const latency = (ifNull: string) =>
  z
    .number()
    .int()
    .min(0)
    .max(10_000)
    .nullable()
    .default(null)
    .describe(`Time in ms from the start of exposure to the reported time. null: ${ifNull}`);

export const rotation = () =>
  z
    .union([z.literal(0), z.literal(180)])
    .default(0)
    .describe('Rotation of the image in degrees');

const gain = () => z.number().min(0.1).max(64);

export const rpicamCamera = z
  .strictObject({
    driver: driver('rpicam', 'A camera of a Raspberry Pi on the ribbon cable, through rpicam-vid'),
    camera: integer(0, 15, 0, 'Index of the camera, as rpicam-hello --list-cameras shows it'),
    program: path()
      .nullable()
      .default(null)
      .describe('Path of rpicam-vid, not a bare name, relative to the configuration file. null: search PATH'),
    ...streamKeys({ startMs: 10_000, dropFrames: 10 }),
    latencyMs: latency('0'),
    quality: integer(1, 100, 90, 'JPEG quality of the frames'),
    rotation: rotation(),
    crop: z
      .strictObject({
        x: fraction().describe('Left edge, as a fraction of the width'),
        y: fraction().describe('Upper edge, as a fraction of the height'),
        width: fraction().min(0.01).describe('Width, as a fraction of the width'),
        height: fraction().min(0.01).describe('Height, as a fraction of the height'),
      })
      .nullable()
      .default(null)
      .describe('Part of the image that the frames show. null: all of it'),
    exposure: z
      .union([
        z.literal('auto'),
        z.strictObject({
          shutterUs: z.number().int().min(1).max(10_000_000).describe('Exposure time in microseconds'),
          gain: gain().describe('Amplification of the sensor. 1: none'),
        }),
      ])
      .default('auto')
      .describe('Exposure. auto: the camera adjusts it'),
    whiteBalance: z
      .union([
        z.literal('auto'),
        z.strictObject({ red: gain().describe('Gain of red'), blue: gain().describe('Gain of blue') }),
      ])
      .default('auto')
      .describe('White balance. auto: the camera adjusts it'),
    focus: z
      .union([
        z.literal('auto'),
        z.strictObject({
          dioptres: z
            .number()
            .min(0)
            .max(32)
            .describe('Reciprocal of the distance in metres: 4 is 25 cm, 0 is infinity'),
        }),
      ])
      .default('auto')
      .describe('Focus. auto: the camera adjusts it, if it has a lens drive'),
    lockAfterMs: z
      .number()
      .int()
      .min(100)
      .max(60_000)
      .nullable()
      .default(null)
      .describe('Time in ms after which exposure, white balance and focus are locked if auto. null: never'),
    tuningFile: path()
      .nullable()
      .default(null)
      .describe('Tuning file of libcamera, such as one for a NoIR sensor. null: the file of the sensor'),
  })
  .superRefine((rpicam, context) => {
    const reporter = reporterOf(context);
    checkStream(rpicam, reporter);
    const { crop, exposure, framesPerSecond } = rpicam;
    const intervalUs = Math.floor(1_000_000 / framesPerSecond);
    if (exposure !== 'auto' && exposure.shutterUs > intervalUs)
      reporter.refuse(
        ['exposure', 'shutterUs'],
        `a value up to ${intervalUs}, the time of one frame at framesPerSecond`,
      );
    if (crop && crop.x + crop.width > 1) reporter.refuse(['crop', 'width'], 'a value up to 1 - x');
    if (crop && crop.y + crop.height > 1) reporter.refuse(['crop', 'height'], 'a value up to 1 - y');
  });

/** sortbin-camera has the same limits. */
const MAX_CONTROLS = 32;
const INT32 = 2 ** 31;

export const v4l2Camera = z
  .strictObject({
    driver: driver('v4l2', 'A USB camera, or another camera of Video4Linux. sortbin-camera owns it'),
    device: z
      .string()
      .max(255)
      .regex(/^(\/.+|\d{1,3})$/)
      .meta({
        title: 'an absolute path, or a number in quotation marks',
      })
      .default('/dev/video0')
      .describe('Path of the camera, such as /dev/video0 or a link in /dev/v4l/by-id, or its number'),
    program: path()
      .nullable()
      .default(null)
      .describe(
        'Path of sortbin-camera, relative to the configuration file. null: deploy/native, for this machine',
      ),
    ...streamKeys({ startMs: 5_000, dropFrames: 3 }),
    latencyMs: latency('one interval plus the exposure'),
    format: z
      .enum(['auto', 'mjpeg', 'yuyv'])
      .default('auto')
      .describe('Format of the frames. auto: mjpeg, or yuyv if the camera has no mjpeg'),
    controls: z
      .record(
        z
          .string()
          .regex(/^[a-z0-9_]{1,31}$/)
          .meta({ title: 'a control name of a-z, 0-9 and _' }),
        z
          .number()
          .int()
          .min(-INT32)
          .max(INT32 - 1),
      )
      .default({})
      .describe(
        'Controls that are set at each start, in this order. v4l2-ctl --list-ctrls shows their names',
      ),
    buffers: integer(3, 32, 4, 'Number of frame buffers in the kernel'),
  })
  .superRefine((v4l2, context) => {
    const reporter = reporterOf(context);
    checkStream(v4l2, reporter);
    if (Object.keys(v4l2.controls).length > MAX_CONTROLS)
      reporter.refuse(['controls'], `a mapping of at most ${MAX_CONTROLS} controls`);
  });
