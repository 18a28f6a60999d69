import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Camera, Frame, FrameFormat } from '../../device/hardware/camera/camera.js';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { untilAborted } from '../../device/kit/deadline.js';
import { done, failed } from '../../device/kit/errors.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { SimulatedVision } from '../../device/perception/vision/simulated-vision.js';
import type { Vision } from '../../device/perception/vision/vision.js';
import { makeBin } from '../support/bin.js';

const FORMAT: FrameFormat = { kind: 'yuyv', width: 2, height: 1, strideBytes: 4, colour: 'bt601-full' };
const RAW = Uint8Array.of(1, 2, 3, 4);
const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xd9);

/** Runs one item whose frame is raw. Returns what happened in order. */
const runOne = async (toJpeg: Vision['toJpeg'], format: FrameFormat | null = FORMAT) => {
  const clock = new SimulatedClock();
  const steps: string[] = [];
  const frame = (): Frame => ({
    ...{ id: 'f1', bytes: RAW, capturedAtMs: clock.monotonicMs() + 1, capturedAtWallMs: 0 },
    ...(format ? { format } : {}),
  });
  const camera: Camera = {
    start: () => Promise.reject(new Error('not started in this test')),
    frameAfter: async () => done(frame()),
    latest: async () => done(frame()),
    settings: async () => done(null),
    onHealth: () => {},
    close: async () => {},
  };
  class Journal extends SimulatedJournal {
    override async keepFrame(id: string, bytes: Uint8Array, kept?: FrameFormat): Promise<void> {
      steps.push(`kept ${bytes === JPEG ? 'JPEG' : 'raw'}${kept ? ` ${kept.kind}` : ''} of ${id}`);
    }
  }
  const script = [{ label: 'paper', confidence: 0.98 }];
  const simulated = new SimulatedVision({ script, labels: ['paper', 'trash'], clock });
  const vision: Vision = Object.assign(simulated, {
    toJpeg: (...[encoded, signal]: Parameters<Vision['toJpeg']>) => {
      steps.push(`encode ${encoded.id} ${bin.runner.phase}`);
      return toJpeg(encoded, signal);
    },
  });
  const bin = makeBin({ clock, camera, vision, journal: new Journal() });
  bin.watch({ event: () => steps.push('event') });
  await vision.start(new AbortController().signal);
  await bin.runner.start();
  await clock.advance(10);
  bin.trigger.fire();
  await clock.advance(500);
  return { bin, clock, steps };
};

describe('the frame of an item', () => {
  it('is encoded after the gate has moved and the event is on disk, and kept as a JPEG', async () => {
    const { bin, steps } = await runOne(async () => done(JPEG));
    assert.deepEqual(steps.slice(0, 1), ['event']);
    assert.match(steps[1] ?? '', /^encode f1 (looking|idle)$/);
    assert.deepEqual(steps.slice(2), ['kept JPEG of f1']);
    await bin.runner.stop();
  });

  it('is kept raw, with its format, if it cannot be encoded', async () => {
    const { bin, steps } = await runOne(async () => failed('vision-died', 'gone'));
    assert.deepEqual(steps.at(-1), 'kept raw yuyv of f1');
    await bin.runner.stop();
  });

  it('is kept raw, with its format, if the encoding hangs, and the bin continues meanwhile', async () => {
    const { bin, clock, steps } = await runOne((_, signal) => untilAborted(signal));
    assert.equal(bin.runner.phase, 'idle');
    await clock.advance(9_000);
    assert.match(steps.at(-1) ?? '', /^encode/);
    await clock.advance(1_000);
    assert.deepEqual(steps.at(-1), 'kept raw yuyv of f1');
    await bin.runner.stop();
  });

  it('is kept raw at once if the bin stops during the encoding', async () => {
    const { bin, steps } = await runOne((_, signal) => untilAborted(signal));
    await bin.runner.stop();
    assert.deepEqual(steps.at(-1), 'kept raw yuyv of f1');
  });

  it('is kept unchanged if it is a file', async () => {
    const { bin, steps } = await runOne(async () => done(JPEG), null);
    assert.deepEqual(steps, ['event', 'kept raw of f1']);
    await bin.runner.stop();
  });
});
