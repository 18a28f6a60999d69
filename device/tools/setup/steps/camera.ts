import { existsSync } from 'node:fs';
import type { Camera } from '../../../hardware/camera/camera.js';
import type { FoundCamera } from '../../../hardware/camera/camera-list.js';
import { writeDurably } from '../../../kit/durable-file.js';
import { messageOf } from '../../../kit/errors.js';
import { FrameInspector } from '../../../perception/vision/frame-inspector.js';
import { listCameras, makeCamera, requirementFault } from '../../../wire/camera.js';
import { makePanel } from '../../../wire/panel.js';
import { CameraMeter, type MeasuredFrame } from '../../calibrate/camera-meter.js';
import { cameraLine, measurementLine } from '../../calibrate/camera-view.js';
import { silentLog, withLinesOnDemand } from '../../calibrate/stopped-bin.js';
import { type AskContext, type Patch, SetupError, type Step, type StepContext } from '../setup.js';

const FRAME_MS = 10_000;
/** Number of images that show whether the exposure is steady. */
const IMAGES = 3;
const IMAGE_FILE = 'camera.jpg';

/** The camera: found, selected, and shown by its measurements and an image file. */
export const cameraStep: Step = {
  name: 'camera',
  title: 'Camera',
  intro: 'Connect the camera before this step. The test takes three images.',
  section: 'camera',
  summary: ({ camera }) => {
    if (camera.driver === 'simulated') return 'simulated';
    return `${camera.driver}, ${camera.driver === 'v4l2' ? camera.device : `camera ${camera.camera}`}`;
  },
  ask,
  check,
};

async function ask({ prompt, config, folder, say }: AskContext): Promise<Patch> {
  const { v4l2, rpicam } = await listCameras({ config, folder });
  const cameras = [v4l2, rpicam].flatMap((list) => (list.ok ? list.value.cameras : []));
  for (const list of [v4l2, rpicam])
    if (!list.ok) say(list.fault.message);
    else for (const { address, message } of list.value.unusable) say(`${address}: ${message}`);
  if (cameras.length === 0)
    say('No camera was found. Switch the computer off, connect the camera, and start this step again.');
  const choices = [
    ...cameras.map(({ address, model, place }) => ({
      value: address,
      label: `${model}, ${address}${place ? `, ${place}` : ''}`,
    })),
    { value: 'simulated', label: 'simulated: the images of a folder' },
  ];
  const { camera: present } = config;
  const isConfigured = ({ driver, address, stablePath }: FoundCamera) =>
    driver === present.driver &&
    (present.driver === 'v4l2'
      ? [address, stablePath].includes(present.device)
      : address === `${present.camera}`);
  const chosen = await prompt.choose(
    'Camera',
    choices,
    (cameras.find(isConfigured) ?? cameras[0])?.address ?? 'simulated',
  );
  const camera = cameras.find(({ address }) => address === chosen);
  return { camera: camera ? addressOf(camera) : { driver: 'simulated' } };
}

const addressOf = ({ driver, address, stablePath }: FoundCamera): Patch =>
  driver === 'v4l2' ? { driver, device: stablePath ?? address } : { driver, camera: Number(address) };

async function check({ config, folder, say, prompt, signal }: StepContext): Promise<Patch> {
  const fault = await requirementFault({ config, folder });
  if (fault) throw new SetupError('setup-camera', fault.message);
  return withLinesOnDemand({ config, folder }, signal, async (lines, clock) => {
    const camera = await makeCamera({ config, folder, log: silentLog }, clock);
    const inspector = new FrameInspector({ clock, log: silentLog });
    const panel = await makePanel(config, lines, clock, silentLog);
    const captureMs = config.camera.driver === 'node-libcamera' ? config.camera.captureMs : 0;
    const meter = new CameraMeter({
      ...{ camera, inspector, clock },
      light: config.panel.light ? panel.light : null,
      frameMs: captureMs + FRAME_MS,
    });
    try {
      say(cameraLine(await start(camera, signal)));
      const measured = await measure(meter, say, signal);
      const question = existsSync(IMAGE_FILE) ? 'Replace the image' : 'Write an image to';
      if (prompt && (await prompt.confirm(`${question} ${IMAGE_FILE}?`, true))) {
        const file = await meter.fileOf(measured.frame, signal);
        if (!file.ok) throw new SetupError('setup-camera', file.fault.message);
        writeDurably(IMAGE_FILE, file.value, { mode: 0o644 });
        say(`Image written to ${IMAGE_FILE}. sortbin calibrate camera shows the sharpness live.`);
      }
    } finally {
      await Promise.all([camera.close(), inspector.close(), panel.close()]);
    }
    return {};
  });
}

const start = async (camera: Camera, signal: AbortSignal) => {
  try {
    return await camera.start(signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw new SetupError('setup-camera', messageOf(cause), { cause });
  }
};

/** Prints the measurements of some images and returns the last one. */
const measure = async (
  meter: CameraMeter,
  say: StepContext['say'],
  signal: AbortSignal,
): Promise<MeasuredFrame> => {
  let best = 0;
  for (let image = 1; ; image++) {
    const answer = await meter.measure(signal);
    if (!answer.ok) throw new SetupError('setup-camera', answer.fault.message);
    const { quality, frame, ageMs } = answer.value;
    best = Math.max(best, quality.sharpness);
    const line = measurementLine({ ...quality, best, ageMs, atWallMs: frame.capturedAtWallMs });
    say(`image ${image}, ${quality.width}x${quality.height}: ${line}`);
    if (image === IMAGES) return answer.value;
  }
};
