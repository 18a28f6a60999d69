import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Camera, CameraFault } from '../../device/hardware/camera/camera.js';
import type { Fault } from '../../device/kit/errors.js';

/** A working camera, and a clock that the test advances. */
export interface CameraBench {
  readonly camera: Camera;
  /** Makes each capture fail with this fault. null: they succeed again. */
  fail(fault: CameraFault | null): void;
  nowMs(): number;
  pass(ms: number): Promise<void>;
}

const neverAborted = new AbortController().signal;

export const cameraContract = (name: string, make: () => Promise<CameraBench>) =>
  describe(`camera: ${name}`, () => {
    it('returns a frame whose exposure began after the requested time', async () => {
      const { camera, nowMs, pass } = await make();
      const requestedMs = nowMs();
      const frame = camera.frameAfter(requestedMs, neverAborted);
      await pass(1_000);
      const answer = await frame;
      assert.ok(answer.ok);
      assert.ok(answer.value.capturedAtMs > requestedMs);
      assert.ok(answer.value.capturedAtMs <= nowMs());
      assert.ok(answer.value.bytes.length > 0);
      await camera.close();
    });

    it('gives each frame a unique id', async () => {
      const { camera, nowMs, pass } = await make();
      const ids = new Set<string>();
      for (let count = 0; count < 3; count++) {
        const frame = camera.frameAfter(nowMs(), neverAborted);
        await pass(1_000);
        const answer = await frame;
        assert.ok(answer.ok);
        ids.add(answer.value.id);
      }
      assert.equal(ids.size, 3);
      await camera.close();
    });

    it('reports a fault once, and its end with the next frame', async () => {
      const { camera, fail, nowMs, pass } = await make();
      const capture = async () => {
        const frame = camera.frameAfter(nowMs(), neverAborted);
        await pass(1_000);
        return frame;
      };
      const reported: (Fault<CameraFault> | null)[] = [];
      camera.onHealth((fault) => reported.push(fault));
      await capture();
      assert.equal(reported.length, 0);
      fail('camera-failed');
      const answer = await capture();
      await capture();
      assert.deepEqual(reported, [answer.ok ? null : answer.fault]);
      assert.equal(reported[0]?.code, 'camera-failed');
      const late: (string | undefined)[] = [];
      camera.onHealth((fault) => late.push(fault?.code));
      fail(null);
      await capture();
      assert.deepEqual(reported.slice(1), [null]);
      assert.deepEqual(late, ['camera-failed', undefined]);
      await camera.close();
    });

    it('rejects if its signal is aborted', async () => {
      const { camera, nowMs } = await make();
      const abort = new AbortController();
      const frame = camera.frameAfter(nowMs(), abort.signal);
      abort.abort(new Error('too late'));
      await assert.rejects(frame, /too late/);
      await camera.close();
    });
  });
