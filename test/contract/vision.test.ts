import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import type { Frame } from '../../device/hardware/camera/camera.js';
import { SystemClock } from '../../device/kit/clock.js';
import { packageRoot } from '../../device/kit/root.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { ForkedVision } from '../../device/perception/vision/forked-vision.js';
import { SimulatedVision } from '../../device/perception/vision/simulated-vision.js';
import { makeVisionOptions } from '../support/vision-options.js';
import { visionContract } from './vision-contract.js';

const bundle = join(packageRoot(), 'deploy', 'model');
const labels = (await readFile(join(bundle, 'labels.txt'), 'utf8')).trimEnd().split('\n');
const frame: Frame = {
  id: 'frame-1',
  bytes: await readFile(join(bundle, 'golden', 'metal301.jpg')),
  capturedAtMs: 0,
  capturedAtWallMs: 0,
};

visionContract('ForkedVision', async () => {
  const log = pino({ level: 'silent' });
  const vision = new ForkedVision({ ...makeVisionOptions(bundle), clock: new SystemClock(), log });
  const stall = () => {
    if (vision.pid !== undefined) process.kill(vision.pid, 'SIGSTOP');
  };
  return { vision, frame, label: 'metal', labels, stall };
});

visionContract('SimulatedVision', async (first) => {
  const good = { label: 'metal', confidence: 0.9 };
  const script = first === 'hangs' ? [{ hang: true } as const, good] : [good];
  const vision = new SimulatedVision({ labels, script, clock: new SimulatedClock() });
  return { vision, frame, label: 'metal', labels, stall: () => {} };
});
