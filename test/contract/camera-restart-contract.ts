import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { codeOf, frameOf, STEP_MS, watchCamera } from '../support/hardware/camera-watch.js';
import type { CameraBench } from './camera-contract.js';

/** A camera with a process or another resource that its driver restarts. */
export interface RestartBench extends CameraBench {
  /** Returns how often the driver has tried to open the camera. */
  starts(): number | Promise<number>;
}

const ATTEMPTS = 3;
const STEPS = 400;
/** The first wait of a restart, at least. Each further one is twice as long. */
const FIRST_WAIT_MS = 250;
const allowedAttempts = (passedMs: number) => Math.floor(Math.log2(passedMs / FIRST_WAIT_MS + 1));

export const cameraRestartContract = (name: string, make: (test: TestContext) => Promise<RestartBench>) =>
  describe(`restarts of the camera: ${name}`, () => {
    it('come ever more slowly while the camera is missing, and end when it is back', async (test) => {
      const { start, capture, captureUntil, unplug, plugIn, starts, nowMs, pass, health } = watchCamera(
        test,
        await make(test),
      );
      await start();
      frameOf(await capture());
      unplug();
      await captureUntil((answer) => codeOf(answer) === 'camera-missing');
      const startsBefore = await starts();
      const startMs = nowMs();
      let attempts = 0;
      for (let step = 0; step < STEPS && attempts < ATTEMPTS; step++) {
        await pass(STEP_MS);
        attempts = (await starts()) - startsBefore;
        const passedMs = nowMs() - startMs;
        assert.ok(attempts <= allowedAttempts(passedMs), `${attempts} attempts within ${passedMs} ms`);
      }
      assert.equal(attempts, ATTEMPTS);
      plugIn();
      await captureUntil(({ ok }) => ok);
      assert.equal(health.at(-1), null);
    });
  });
