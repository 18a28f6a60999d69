import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Camera } from '../../device/hardware/camera/camera.js';
import { SortbinError } from '../../device/kit/errors.js';
import {
  codeOf,
  exposureCodeOf,
  frameOf,
  meanColour,
  STEP_MS,
  watchCamera,
} from '../support/hardware/camera-watch.js';
import type { Scene } from '../support/hardware/scenes.js';

/** A camera that is not started yet, and what a test does to it. */
export interface CameraBench {
  readonly camera: Camera;
  /** What the camera sees from now on. A camera with a pipe may deliver a few older frames. */
  show(scene: Scene): Promise<void>;
  /** Delivers no frames from now on, without any other sign. */
  stall(): void;
  resume(): void;
  /** Makes the start of the camera hang, until `resume`. */
  hang(): void;
  unplug(): void;
  plugIn(): void;
  nowMs(): number;
  pass(ms: number): Promise<void>;
}

const never = new AbortController().signal;
/** The limit of `close`. */
const CLOSE_MS = 2_000;
/** Some 100 frames, at the rate of a bench. */
const IDLE_MS = 2_000;
const MAX_KEPT_FRAMES = 4;

export const cameraContract = (name: string, make: (test: TestContext) => Promise<CameraBench>) =>
  describe(`camera: ${name}`, () => {
    const bench = async (test: TestContext) => watchCamera(test, await make(test));

    it('states its properties at the start', async (test) => {
      const { start } = await bench(test);
      const info = await start();
      assert.ok(info.model.length > 0);
      assert.ok(info.latencyMs >= 0);
      assert.ok(info.size === null || info.size.width * info.size.height > 0);
    });

    it('returns frames whose exposure began after the requested time, with unique ids', async (test) => {
      const { start, capture, nowMs, health } = await bench(test);
      await start();
      const ids = new Set<string>();
      for (let count = 0; count < 5; count++) {
        const requestedMs = nowMs();
        const frame = frameOf(await capture());
        assert.ok(frame.capturedAtMs > requestedMs);
        assert.ok(frame.capturedAtMs <= nowMs());
        ids.add(frame.id);
      }
      assert.equal(ids.size, 5);
      assert.deepEqual(health, []);
    });

    it('returns its newest frame at once', async (test) => {
      const { camera, start, settle, nowMs } = await bench(test);
      await start();
      assert.ok(frameOf(await settle(camera.latest(never))).capturedAtMs <= nowMs());
    });

    it('delivers the colours of what it sees', async (test) => {
      const { start, show, capture, captureUntil } = await bench(test);
      await start();
      const expected = { red: [200, 30, 30], blue: [30, 30, 200], black: [2, 2, 2], white: [253, 253, 253] };
      for (const [scene, colour] of Object.entries(expected)) {
        await show(scene as Scene);
        let mean: readonly number[] = [];
        const isNear = () => mean.every((level, at) => Math.abs(level - (colour[at] ?? 0)) < 12);
        for (let count = 0; count < 20 && (mean.length === 0 || !isNear()); count++)
          mean = await meanColour(frameOf(await capture()));
        assert.ok(isNear(), `${scene}: ${mean}`);
      }
      await show('normal');
      await captureUntil(({ ok }) => ok);
    });

    it('delivers images in which black and blown-out scenes are noticed, and a normal scene has no fault', async (test) => {
      const { start, show, capture } = await bench(test);
      await start();
      const scenes = { black: 'picture-dark', white: 'picture-overexposed', normal: null } as const;
      for (const [scene, expected] of Object.entries(scenes)) {
        await show(scene as Scene);
        let code: string | null | undefined;
        for (let count = 0; count < 20 && code !== expected; count++)
          code = await exposureCodeOf(frameOf(await capture()));
        assert.equal(code, expected, scene);
      }
    });

    it('keeps only its newest frames while no frame is requested', async (test) => {
      const { camera, start, pass, nowMs, settle } = await bench(test);
      await start();
      const startMs = nowMs();
      while (nowMs() - startMs < IDLE_MS) await pass(STEP_MS);
      const newest = frameOf(await settle(camera.latest(never)));
      let frame = frameOf(await settle(camera.frameAfter(startMs, never)));
      let count = 1;
      for (; frame.capturedAtMs < newest.capturedAtMs; count++)
        frame = frameOf(await settle(camera.frameAfter(frame.capturedAtMs, never)));
      assert.ok(count <= MAX_KEPT_FRAMES, `${count} frames were kept`);
    });

    it('notices that the frames stop, and that they come again', async (test) => {
      const { start, stall, resume, captureUntil, health } = await bench(test);
      await start();
      stall();
      await captureUntil((answer) => !answer.ok);
      assert.ok(health.some((code) => code === 'camera-frozen' || code === 'camera-no-frame'));
      resume();
      await captureUntil(({ ok }) => ok);
      assert.equal(health.at(-1), null);
    });

    it('notices identical frames, and that they change again', async (test) => {
      const { start, show, capture, captureUntil, health } = await bench(test);
      await start();
      frameOf(await capture());
      await show('still');
      await captureUntil((answer) => codeOf(answer) === 'camera-frozen');
      assert.equal(health.at(-1), 'camera-frozen');
      await show('normal');
      await captureUntil(({ ok }) => ok);
      assert.equal(health.at(-1), null);
    });

    it('notices that it was unplugged, and returns after it was plugged in', async (test) => {
      const { start, unplug, plugIn, capture, captureUntil, health } = await bench(test);
      await start();
      frameOf(await capture());
      unplug();
      await captureUntil((answer) => codeOf(answer) === 'camera-missing');
      assert.equal(health.at(-1), 'camera-missing');
      plugIn();
      await captureUntil(({ ok }) => ok);
      assert.equal(health.at(-1), null);
    });

    it('fails to start without a camera, names a fix, and returns when the camera is plugged in', async (test) => {
      const { start, unplug, plugIn, captureUntil, health } = await bench(test);
      unplug();
      await assert.rejects(start(), (error) => {
        assert.ok(error instanceof SortbinError);
        assert.equal(error.code, 'camera-missing');
        assert.match(error.message, /\. [A-Z].*\.$/);
        return true;
      });
      assert.deepEqual(health, ['camera-missing']);
      plugIn();
      await captureUntil(({ ok }) => ok);
      assert.equal(health.at(-1), null);
    });

    it('fails to start within its deadline if the camera hangs, and works later', async (test) => {
      const { start, hang, resume, captureUntil } = await bench(test);
      hang();
      await assert.rejects(start(), SortbinError);
      resume();
      await captureUntil(({ ok }) => ok);
    });

    it('ends a start whose signal is aborted', async (test) => {
      const { camera, hang, settle } = await bench(test);
      hang();
      const abort = new AbortController();
      const started = camera.start(abort.signal);
      abort.abort(new Error('too late'));
      await assert.rejects(settle(started), /too late/);
    });

    it('ends a capture whose signal is aborted', async (test) => {
      const { camera, start, nowMs, settle } = await bench(test);
      await start();
      const abort = new AbortController();
      const captured = camera.frameAfter(nowMs() + 3_600_000, abort.signal);
      abort.abort(new Error('too late'));
      await assert.rejects(settle(captured), /too late/);
    });

    it('reports the settings that it uses, or that its driver reports none', async (test) => {
      const { camera, start, settle } = await bench(test);
      await start();
      const answer = await settle(camera.settings(never));
      assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
      const settings = answer.value;
      if (settings?.kind === 'libcamera') assert.ok((settings.exposure?.shutterUs ?? 0) > 0);
      if (settings?.kind === 'controls')
        for (const { name, value, minimum, maximum } of settings.controls)
          assert.ok(value >= minimum && value <= maximum, name);
      await settle(camera.close());
      const closed = await settle(camera.settings(never));
      assert.equal(closed.ok ? null : closed.fault.code, 'camera-failed');
    });

    it('closes within its limit at any moment: before its start, while it starts, captures, is frozen or unplugged', async (test) => {
      const moments: Record<string, (made: Awaited<ReturnType<typeof bench>>) => Promise<unknown>> = {
        'before its start': async () => {},
        'while it starts': async ({ camera, hang, pass }) => {
          hang();
          camera.start(never).catch(() => {});
          await pass(STEP_MS);
        },
        working: ({ start }) => start(),
        frozen: async ({ start, stall, pass }) => {
          await start();
          stall();
          await pass(STEP_MS);
        },
        unplugged: async ({ start, unplug, captureUntil }) => {
          await start();
          unplug();
          await captureUntil(({ ok }) => !ok);
        },
      };
      for (const [moment, reach] of Object.entries(moments)) {
        const made = await bench(test);
        await reach(made);
        const pending = made.camera.frameAfter(made.nowMs() + 3_600_000, never);
        await made.settle(made.camera.close(), CLOSE_MS);
        assert.equal((await made.settle(pending)).ok, false, moment);
        assert.equal(codeOf(await made.capture()), 'camera-failed', moment);
        await made.settle(made.camera.close());
      }
    });
  });
