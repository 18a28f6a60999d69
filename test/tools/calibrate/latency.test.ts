import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Camera, CameraInfo, Frame } from '../../../device/hardware/camera/camera.js';
import type { Off, Output } from '../../../device/hardware/lines/lines.js';
import { sleep } from '../../../device/kit/deadline.js';
import { type Answer, done, failed } from '../../../device/kit/errors.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { measureLatency } from '../../../device/tools/calibrate/latency.js';

const INTERVAL_MS = 40;
const EXPOSURE_MS = 10;
const never = new AbortController().signal;

/** A camera whose frames are reported `errorMs` too late, and a light. */
const setUp = ({ errorMs = 0, latencyMs = 0, contrast = 100, framesPerSecond = 25 as number | null }) => {
  const clock = new SimulatedClock();
  const lit: { fromMs: number; toMs: number }[] = [];
  const isLit = (atMs: number) => lit.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  const frameAt = (index: number): Frame => {
    const startMs = index * INTERVAL_MS;
    const level = 50 + (isLit(startMs + EXPOSURE_MS / 2) ? contrast : 0);
    const capturedAtMs = startMs + errorMs;
    return { id: `${index}`, bytes: Uint8Array.of(level), capturedAtMs, capturedAtWallMs: 0 };
  };
  const camera = {
    frameAfter: async (atMs: number, signal: AbortSignal) => {
      const index = Math.floor((atMs - errorMs) / INTERVAL_MS) + 1;
      const readyMs = index * INTERVAL_MS + Math.max(INTERVAL_MS, errorMs);
      await sleep(clock, Math.max(0, readyMs - clock.monotonicMs()), signal);
      return done(frameAt(index));
    },
  } as Partial<Camera> as Camera;
  const light = {
    name: 'light',
    hold: (signal: AbortSignal) =>
      new Promise<Answer<Off>>((resolve) => {
        const period = { fromMs: clock.monotonicMs(), toMs: Number.POSITIVE_INFINITY };
        lit.push(period);
        signal.addEventListener('abort', () => {
          period.toMs = clock.monotonicMs();
          resolve(done({ reason: 'command', atNs: 0n }));
        });
      }),
  } as Partial<Output> as Output;
  const info = { framesPerSecond, latencyMs } as Partial<CameraInfo> as CameraInfo;
  const brightnessOf = async ({ bytes }: Frame) => done(bytes[0] ?? 0);
  const run = async (replaced: Partial<Parameters<typeof measureLatency>[0]> = {}, signal = never) => {
    const measured = measureLatency({ camera, info, light, brightnessOf, clock, ...replaced }, signal);
    let isPending = true;
    const end = () => {
      isPending = false;
    };
    measured.then(end, end);
    // An odd step, so that the light appears at different moments of a frame.
    while (isPending) await clock.advance(7);
    return measured;
  };
  return { clock, run, isDark: () => !isLit(clock.monotonicMs()) };
};

describe('measureLatency', () => {
  it('finds that frames are reported too late, and proposes the latency', async () => {
    const { run, isDark } = setUp({ errorMs: 130, latencyMs: 20 });
    const answer = await run();
    assert.ok(answer.ok, answer.ok ? '' : answer.fault.message);
    const { delaysMs, medianMs, spreadMs, latencyMs } = answer.value;
    assert.equal(delaysMs.length, 7);
    assert.ok(medianMs >= 130 - EXPOSURE_MS && medianMs <= 130 + INTERVAL_MS, `${medianMs}`);
    assert.ok(spreadMs <= INTERVAL_MS);
    // Never less than the real latency, at most an interval more.
    assert.ok(latencyMs !== null && latencyMs >= 140 && latencyMs <= 20 + 130 + INTERVAL_MS, `${latencyMs}`);
    assert.ok(isDark());
  });

  it('proposes nothing if the frames are reported correctly', async () => {
    const answer = await setUp({}).run();
    assert.equal(answer.ok && answer.value.latencyMs, null);
  });

  it('proposes less if the frames are reported too early', async () => {
    const answer = await setUp({ errorMs: -100, latencyMs: 120 }).run();
    const proposed = answer.ok ? answer.value.latencyMs : null;
    assert.ok(proposed !== null && proposed >= 10 && proposed <= 60, `${proposed}`);
  });

  it('states why the latency cannot be measured, and turns the light off', async () => {
    const dark = setUp({ contrast: 3 });
    const answer = await dark.run();
    assert.match(answer.ok ? '' : answer.fault.message, /^The camera light does not change the image\./);
    assert.ok(dark.isDark());
    const stills = await setUp({ framesPerSecond: null }).run();
    assert.match(stills.ok ? '' : stills.fault.message, /without a stream/);
    const noLight = { name: 'light', hold: async () => failed('line-gone', '"light": unplugged.') };
    const gone = await setUp({}).run({ light: noLight as Partial<Output> as Output });
    assert.equal(gone.ok ? '' : gone.fault.message, '"light": unplugged.');
    const frozen = { frameAfter: async () => failed('camera-frozen', 'no frames. Connect it.') };
    const still = await setUp({}).run({ camera: frozen as Partial<Camera> as Camera });
    assert.equal(still.ok ? '' : still.fault.message, 'no frames. Connect it.');
  });

  it('turns the light off when it is aborted', async () => {
    const { clock, run, isDark } = setUp({});
    const abort = new AbortController();
    clock.after(900, () => abort.abort(new Error('enough')));
    await assert.rejects(run({}, abort.signal), /enough/);
    assert.ok(isDark());
  });
});
