import { release } from 'node:os';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { makeV4l2Camera } from '../../device/hardware/camera/v4l2/v4l2-camera.js';
import { SystemClock } from '../../device/kit/clock.js';
import { newId } from '../../device/kit/ids.js';
import { percentiles } from '../../device/tools/bench/report.js';
import { sortbinCameraPath } from '../support/hardware/sortbin-camera.js';
import { numbered } from './guest/jpegs.js';
import { Loopback } from './guest/loopback.js';
import { Vivid } from './guest/vivid.js';

// `run.sh -v measure-camera` measures the driver v4l2 on two cameras of the kernel. It checks no limit.

const MEASURES = Number(process.env.MEASURES ?? 100);
const never = new AbortController().signal;
const clock = new SystemClock();
/** The requests come at times that have nothing to do with the frames. */
const EVERY_MS = 487;

interface SimulatedCamera {
  readonly device: string;
  end(): unknown;
}

const CAMERAS: Record<string, () => SimulatedCamera> = {
  'vivid, YUYV': () => {
    const vivid = new Vivid();
    vivid.create();
    return { device: vivid.device, end: () => vivid.remove() };
  },
  'v4l2loopback, MJPEG': () => {
    const loopback = Loopback.create();
    loopback.feed(numbered);
    return { device: loopback.device, end: () => loopback.unplug() };
  },
};

describe(`trigger to frame, kernel ${release()}`, { timeout: 1_200_000 }, () => {
  for (const [name, create] of Object.entries(CAMERAS))
    for (const latencyMs of [null, 0])
      it(`${name}, latencyMs ${latencyMs}`, async (context) => {
        const simulated = create();
        const camera = makeV4l2Camera({
          ...{ program: sortbinCameraPath(), device: simulated.device, width: 640, height: 480 },
          ...{ framesPerSecond: 15, format: 'auto', controls: {}, buffers: 4, startMs: 30_000 },
          ...{ freezeMs: 5_000, dropFrames: 3, latencyMs, identicalFrames: 0 },
          ...{ clock, newId, log: pino({ level: 'silent' }) },
        });
        const info = await camera.start(never);
        const waitsMs: number[] = [];
        const deliveriesMs: number[] = [];
        for (let measure = 0; measure < MEASURES; measure++) {
          await wait(EVERY_MS);
          const requestedMs = clock.monotonicMs();
          const answer = await camera.frameAfter(requestedMs, never);
          const receivedMs = clock.monotonicMs();
          if (!answer.ok) throw new Error(answer.fault.message);
          waitsMs.push(receivedMs - requestedMs);
          deliveriesMs.push(receivedMs - answer.value.capturedAtMs - info.latencyMs);
        }
        await camera.close();
        await simulated.end();
        const report = (what: string, ms: readonly number[]) => {
          const { p50, p95 } = percentiles(ms);
          const figures = [p50, p95, Math.max(...ms)].map((figure) => figure.toFixed(0));
          context.diagnostic(
            `| ${[name, `${info.framesPerSecond} fps`, info.clock, info.latencyMs.toFixed(0), what, ms.length, ...figures].join(' | ')} |`,
          );
        };
        report('request to frame', waitsMs);
        report('first data of the frame to its reception', deliveriesMs);
      });
});
