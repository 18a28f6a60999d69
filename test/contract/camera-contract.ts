import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Camera } from '../../device/hardware/camera/camera.js';

/** A working camera, and a clock that the test advances. */
export interface CameraBench {
  readonly camera: Camera;
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

    it('rejects if its signal is aborted', async () => {
      const { camera, nowMs } = await make();
      const abort = new AbortController();
      const frame = camera.frameAfter(nowMs(), abort.signal);
      abort.abort(new Error('too late'));
      await assert.rejects(frame, /too late/);
      await camera.close();
    });
  });
