import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Camera } from '../../device/hardware/camera/camera.js';

/** A camera that works, and time that passes for it. */
export interface CameraBench {
  readonly camera: Camera;
  nowMs(): number;
  pass(ms: number): Promise<void>;
}

const never = new AbortController().signal;

export const cameraContract = (name: string, make: () => Promise<CameraBench>) =>
  describe(`camera: ${name}`, () => {
    it('gives a frame whose exposure began after the time asked for', async () => {
      const { camera, nowMs, pass } = await make();
      const askedMs = nowMs();
      const asked = camera.frameAfter(askedMs, never);
      await pass(1_000);
      const answer = await asked;
      assert.ok(answer.ok);
      assert.ok(answer.value.capturedAtMs > askedMs);
      assert.ok(answer.value.capturedAtMs <= nowMs());
      assert.ok(answer.value.bytes.length > 0);
      await camera.close();
    });

    it('gives each frame an id of its own', async () => {
      const { camera, nowMs, pass } = await make();
      const ids = new Set<string>();
      for (let count = 0; count < 3; count++) {
        const asked = camera.frameAfter(nowMs(), never);
        await pass(1_000);
        const answer = await asked;
        assert.ok(answer.ok);
        ids.add(answer.value.id);
      }
      assert.equal(ids.size, 3);
      await camera.close();
    });

    it('gives up when its signal is aborted', async () => {
      const { camera, nowMs } = await make();
      const abort = new AbortController();
      const asked = camera.frameAfter(nowMs(), abort.signal);
      abort.abort(new Error('too late'));
      await assert.rejects(asked, /too late/);
      await camera.close();
    });
  });
