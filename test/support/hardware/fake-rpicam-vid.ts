import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { withComment } from '../jpeg.js';
import type { RpicamScript, RpicamStart } from './fake-rpicam.js';
import type { Scene } from './scenes.js';

// Imported by the program that FakeRpicam writes. It takes the options of rpicam-vid and behaves like it: see
// core/options.cpp, apps/rpicam_vid.cpp and output/output.cpp of rpicam-apps 9270b60.

/** The options that the fake knows, and whether they have a value. rpicam-vid has more. */
const OPTIONS: Readonly<Record<string, boolean>> = {
  ...{ nopreview: false, flush: false, timeout: true, camera: true, codec: true, quality: true, width: true },
  ...{ height: true, framerate: true, output: true, metadata: true, 'metadata-format': true, rotation: true },
  ...{ roi: true, shutter: true, gain: true, awbgains: true, 'autofocus-mode': true, 'lens-position': true },
  'tuning-file': true,
};
const SENSOR = '/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a';
const EXPOSURE_US = 8_000;
/** From the start of a frame until its image is written. */
const PIPELINE_MS = 12;
const TIMEOUT_MS = 200;

class Failure extends Error {}

/** Plays the script of a folder until a signal ends the process. */
export const playRpicam = async (folder: string, args: readonly string[]): Promise<void> => {
  const script = () => JSON.parse(readFileSync(join(folder, 'script.json'), 'utf8')) as RpicamScript;
  const started: RpicamStart = { pid: process.pid, args };
  appendFileSync(join(folder, 'starts.txt'), `${JSON.stringify(started)}\n`);
  try {
    const options = parseOptions(args);
    await start(script);
    await stream(folder, script, options);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    await write(process.stderr, `ERROR: *** ${error.message} ***\n`);
    process.exit(255);
  }
};

const parseOptions = (args: readonly string[]): Readonly<Record<string, string>> => {
  const options: Record<string, string> = {};
  for (let at = 0; at < args.length; at++) {
    const name = (args[at] ?? '').replace(/^--/, '');
    const hasValue = OPTIONS[name];
    if (hasValue === undefined) throw new Failure(`unrecognised option '${args[at]}'`);
    const value = hasValue ? args[++at] : 'true';
    if (value === undefined) throw new Failure(`the required argument for option '--${name}' is missing`);
    options[name] = value;
  }
  const required = { timeout: '0', codec: 'mjpeg', output: '-', metadata: '-', 'metadata-format': 'txt' };
  for (const [name, value] of Object.entries(required))
    if (options[name] !== value) throw new Failure(`the fake needs --${name} ${value}`);
  return options;
};

const start = async (script: () => RpicamScript): Promise<void> => {
  while (script().hangs) await wait(10);
  const { error, ignoresSigint, stderr } = script();
  if (stderr) await write(process.stderr, `${stderr}\n`);
  if (error) throw new Failure(error);
  await write(
    process.stderr,
    `[0:01:02.345678901] [42]  INFO RPI pisp.cpp:1181 Registered camera ${SENSOR} to CFE\n`,
  );
  if (ignoresSigint) process.on('SIGINT', () => {});
};

const stream = async (
  folder: string,
  script: () => RpicamScript,
  options: Readonly<Record<string, string>>,
): Promise<void> => {
  let isStopping = false;
  if (!script().ignoresSigint)
    process.on('SIGINT', () => {
      isStopping = true;
    });
  const intervalMs = 1_000 / Number(options.framerate);
  const images = readImages(folder);
  let dueMs = performance.now();
  const firstNs = process.hrtime.bigint();
  for (let frame = 0; ; frame++) {
    dueMs = Math.max(dueMs + intervalMs, performance.now());
    await wait(dueMs - performance.now());
    const now = script();
    if (now.stall !== 'no') {
      // SIGINT is looked at after a whole frame only.
      if (now.stall === 'timeouts') {
        await wait(TIMEOUT_MS);
        await write(process.stderr, 'ERROR: Device timeout detected, attempting a restart!!!\n');
      }
      continue;
    }
    const ageMs = frame < now.oldFrames ? 60_000 - frame : PIPELINE_MS;
    const baseNs = now.repeatsTime ? firstNs : process.hrtime.bigint();
    const startNs = baseNs + BigInt(Math.round((now.timeOffsetMs - ageMs) * 1e6));
    const image = now.file
      ? readFileSync(now.file)
      : sceneImage(images.get(now.scene) ?? [], now.scene, frame, startNs);
    await writeFrame(now, frame, image, record(startNs, options));
    if (isStopping) return;
  }
};

/** Returns one variant of a scene. Like sensor noise, a comment makes each image different, except of `still`. */
const sceneImage = (variants: readonly Buffer[], scene: Scene, frame: number, startNs: bigint): Buffer => {
  const variant = variants[frame % variants.length] ?? Buffer.alloc(0);
  return scene === 'still' ? variant : withComment(variant, `${startNs}`);
};

const record = (startNs: bigint, options: Readonly<Record<string, string>>): string => {
  const gains = options.awbgains?.split(',').map(Number) ?? [1.9, 1.5];
  const values = {
    SensorTimestamp: startNs,
    ExposureTime: options.shutter ?? EXPOSURE_US,
    AnalogueGain: Number(options.gain ?? 2.5).toFixed(6),
    DigitalGain: '1.000000',
    ColourGains: `[ ${gains.map((gain) => gain.toFixed(6)).join(', ')} ]`,
    LensPosition: Number(options['lens-position'] ?? 4.5).toFixed(6),
    ScalerCrop: '(0, 0)/4608x2592',
    AeState: 2,
    AwbLocked: 'false',
    Lux: '420.000000',
  };
  return `${Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')}\n`;
};

const writeFrame = async (
  script: RpicamScript,
  frame: number,
  image: Buffer,
  text: string,
): Promise<void> => {
  const isNth = (every: number) => every > 0 && frame % every === every - 1;
  const bytes = isNth(script.damagedEvery) ? image.subarray(0, image.length / 2) : image;
  const size = script.writeBytes > 0 ? script.writeBytes : bytes.length;
  for (let at = 0; at < bytes.length; at += size) await write(process.stdout, bytes.subarray(at, at + size));
  if (script.recordDelayMs > 0) await wait(script.recordDelayMs);
  if (!isNth(script.recordMissingEvery)) await write(process.stdout, text);
  if (script.garbage)
    await write(process.stdout, Buffer.from('garbage \xff\xd8\xff\xc0\x00\x11\xff\xd9\n\n', 'latin1'));
};

const write = (stream: NodeJS.WriteStream, data: string | Buffer): Promise<void> =>
  new Promise((resolve) => stream.write(data, () => resolve()));

/** Returns the images of each scene: files `<scene>-<variant>.jpg`. */
const readImages = (folder: string): ReadonlyMap<string, readonly Buffer[]> => {
  const images = new Map<string, Buffer[]>();
  for (const name of readdirSync(folder).sort()) {
    const [, scene] = /^(\w+)-\d+\.jpg$/.exec(name) ?? [];
    if (scene) images.set(scene, [...(images.get(scene) ?? []), readFileSync(join(folder, name))]);
  }
  return images;
};
