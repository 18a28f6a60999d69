import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { pino } from 'pino';
import type { Camera, CameraFault, Frame } from '../../device/hardware/camera/camera.js';
import { makeV4l2Camera } from '../../device/hardware/camera/v4l2/v4l2-camera.js';
import { SystemClock } from '../../device/kit/clock.js';
import type { Answer } from '../../device/kit/errors.js';
import { newId } from '../../device/kit/ids.js';
import { sortbinCameraPath } from '../support/hardware/sortbin-camera.js';
import { until } from '../support/until.js';
import { HeldCamera } from './guest/v4l2-ctl.js';
import { Vivid } from './guest/vivid.js';

const DEADLINE_MS = 60_000;
const OPTIONS = { timeout: 2 * DEADLINE_MS };
const clock = new SystemClock();
const never = new AbortController().signal;

const codeOf = (answer: Answer<Frame, CameraFault>): CameraFault | null =>
  answer.ok ? null : answer.fault.code;

describe('the camera driver v4l2 on a kernel with vivid', { timeout: 20 * DEADLINE_MS }, () => {
  const vivid = new Vivid();
  let camera: Camera;
  let health: (CameraFault | null)[];
  before(() => {
    vivid.create();
  });
  after(() => vivid.remove());
  beforeEach(() => {
    health = [];
    camera = makeV4l2Camera({
      program: sortbinCameraPath(),
      device: vivid.device,
      width: 320,
      height: 180,
      framesPerSecond: 15,
      format: 'auto',
      controls: {},
      buffers: 4,
      startMs: 20_000,
      freezeMs: 3_000,
      dropFrames: 3,
      latencyMs: null,
      identicalFrames: 0,
      clock,
      newId,
      log: pino({ level: 'silent' }),
    });
    camera.onHealth((fault) => health.push(fault?.code ?? null));
  });
  afterEach(() => camera.close());

  const capture = () => camera.frameAfter(clock.monotonicMs(), never);
  /** Captures until the camera has recovered. */
  const captureFrame = async (): Promise<Frame> => {
    const endMs = clock.monotonicMs() + DEADLINE_MS;
    for (;;) {
      const answer = await capture();
      if (answer.ok) return answer.value;
      assert.ok(clock.monotonicMs() < endMs, answer.fault.message);
    }
  };
  const untilFault = (code: CameraFault) =>
    until(`the health is ${code}: ${health}`, () => health.at(-1) === code, DEADLINE_MS);

  it('starts, and returns frames that are newer than the request', OPTIONS, async () => {
    const { format, size } = await camera.start(never);
    assert.deepEqual({ format, size }, { format: 'yuyv', size: { width: 320, height: 180 } });
    const requestedMs = clock.monotonicMs();
    const frame = await captureFrame();
    assert.ok(frame.capturedAtMs > requestedMs);
    assert.equal(frame.bytes.length, 320 * 180 * 2);
  });

  it('reports a frozen camera, and recovers', OPTIONS, async () => {
    await camera.start(never);
    vivid.freeze(true);
    await untilFault('camera-frozen');
    vivid.freeze(false);
    await captureFrame();
    assert.equal(health.at(-1), null);
  });

  it('reports an unplugged camera, and recovers', OPTIONS, async () => {
    await camera.start(never);
    vivid.unplug();
    await untilFault('camera-missing');
    assert.equal(codeOf(await capture()), 'camera-missing');
    vivid.plug();
    await captureFrame();
    assert.equal(health.at(-1), null);
  });

  it('names the program that uses the camera', OPTIONS, async () => {
    const holder = await HeldCamera.hold(vivid.device);
    try {
      await assert.rejects(camera.start(never), { code: 'camera-busy', message: /v4l2-ctl/ });
    } finally {
      await holder.release();
    }
    await captureFrame();
  });
});
