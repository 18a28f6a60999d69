import { writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { makeRpicamCamera } from '../../device/hardware/camera/rpicam/rpicam-camera.js';
import { SystemClock } from '../../device/kit/clock.js';
import { newId } from '../../device/kit/ids.js';
import { quiet, SAMPLES } from '../support/bin.js';
import { FakeRpicam } from '../support/hardware/fake-rpicam.js';
import { RPICAM_SETTINGS } from '../support/hardware/rpicam-bench.js';
import { VARIANTS } from '../support/hardware/scenes.js';

/**
 * `npm run bench:camera -- [--seconds 60] [--fps 15]`: measures the processor time of this process, while the driver
 * `rpicam` receives frames of 640 x 480 pixels that no item needs.
 */
const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, fps: { type: 'string', default: '15' } },
});
const seconds = Number(values.seconds);
const settings = { ...RPICAM_SETTINGS, framesPerSecond: Number(values.fps) };
const print = (line: string) => process.stdout.write(`${line}\n`);

const fake = new FakeRpicam();
const samples = (await readdir(SAMPLES, { recursive: true })).filter((name) => name.endsWith('.jpg')).sort();
const jpegs: Buffer[] = [];
for (const sample of samples) {
  const image = sharp(join(SAMPLES, sample)).resize(640, 480, { fit: 'fill' });
  const jpeg = await image.jpeg({ quality: 94 }).toBuffer();
  if (jpeg.length >= 40_000 && jpeg.length <= 60_000) jpegs.push(jpeg);
}
for (let variant = 0; variant < VARIANTS; variant++)
  writeFileSync(join(fake.folder, `normal-${variant}.jpg`), jpegs[variant % jpegs.length] ?? '');
const sizes = jpegs.map(({ length }) => length);
const kB = (bytes: number) => (bytes / 1e3).toFixed(0);
print(`frames of ${kB(Math.min(...sizes))} to ${kB(Math.max(...sizes))} kB, ${values.fps} per second`);

const idle = async (): Promise<number> => {
  const before = process.cpuUsage();
  const startMs = performance.now();
  await wait(seconds * 1_000);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3 / (performance.now() - startMs);
};

const percent = (share: number) => `${(share * 100).toFixed(2)} % of a core`;
print(`without a camera: ${percent(await idle())}`);
const camera = makeRpicamCamera({
  ...{ program: fake.program, settings, lockAfterMs: null, startMs: 10_000, freezeMs: 2_000, dropFrames: 10 },
  ...{ identicalFrames: 2, latencyMs: 0, newId, clock: new SystemClock(), log: quiet },
});
await camera.start(new AbortController().signal);
await wait(2_000);
print(`with a camera: ${percent(await idle())}`);
await camera.close();
fake.remove();
