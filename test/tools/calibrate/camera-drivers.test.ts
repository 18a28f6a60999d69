import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parseConfig } from '../../../device/config/load.js';
import type { Camera, CameraInfo, Frame } from '../../../device/hardware/camera/camera.js';
import type { Output } from '../../../device/hardware/lines/lines.js';
import { SimulatedLines } from '../../../device/hardware/lines/simulated/simulated-lines.js';
import { LineLight } from '../../../device/hardware/panel/light.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { FrameInspector } from '../../../device/perception/vision/frame-inspector.js';
import {
  type CameraSessionOptions,
  type CameraTask,
  calibrateCamera,
} from '../../../device/tools/calibrate/camera-session.js';
import { saveChanges } from '../../../device/tools/calibrate/save.js';
import { makeCamera } from '../../../device/wire/camera.js';
import { quiet } from '../../support/bin.js';
import { FakeRpicam } from '../../support/hardware/fake-rpicam.js';
import { FakeSortbinCamera } from '../../support/hardware/fake-sortbin-camera.js';
import { ScreenInMemory } from './support.js';

const never = new AbortController().signal;
const clock = new SystemClock();

/** Starts the camera of a configuration, and closes it after `use`. */
const withCamera = async <T>(
  text: string,
  use: (camera: Camera, info: CameraInfo) => Promise<T>,
): Promise<T> => {
  const config = parseConfig(text, 'sortbin.yaml');
  const camera = await makeCamera({ config, folder: tmpdir(), log: quiet }, clock);
  try {
    return await use(camera, await camera.start(never));
  } finally {
    await camera.close();
  }
};

/** Calibrates the camera of a configuration, and saves the proposed values. Returns the new text. */
const calibrate = async (
  test: TestContext,
  text: string,
  task: CameraTask,
  replaced: Partial<CameraSessionOptions> = {},
): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-calibrate-'));
  test.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'sortbin.yaml');
  await writeFile(file, text);
  const parse = (one: string) => parseConfig(one, file);
  const inspector = new FrameInspector({ clock, log: quiet });
  const screen = new ScreenInMemory();
  try {
    const changes = await withCamera(text, (camera, info) =>
      calibrateCamera(
        {
          ...{ camera, info, inspector, clock, frameMs: 10_000, light: null, configured: parse(text).camera },
          ...{ tasks: [task], maxImages: 6, keys: null, screen, style: 'lines', write: async () => '' },
          ...replaced,
        },
        never,
      ),
    );
    assert.ok(changes.length > 0, screen.printed.join('\n'));
    await saveChanges({ file, changes, parse });
    return await readFile(file, 'utf8');
  } finally {
    await inspector.close();
  }
};

describe('the calibration of a camera of a Raspberry Pi', () => {
  for (const lockAfterMs of ['', '\n  lockAfterMs: 200 # settled'])
    it(`writes the values in use, with which the camera starts${lockAfterMs && ', also after a lock'}`, async (test) => {
      const fake = new FakeRpicam();
      test.after(() => fake.remove());
      const keys = `\n  program: ${fake.program}\n  framesPerSecond: 30\n  dropFrames: 2${lockAfterMs}\n`;
      const text = `# hall\ncamera: # above the tray\n  driver: rpicam\n  exposure: auto # for now${keys}`;
      const saved = await calibrate(test, text, 'fix');
      assert.equal(
        saved,
        `# hall
camera: # above the tray
  whiteBalance: { red: 1.9, blue: 1.5 }
  focus: { dioptres: 4.5 }
  driver: rpicam
  exposure: { shutterUs: 8000, gain: 2.5 } # for now${keys}`,
      );
      await withCamera(saved, async () => {});
      const fixed =
        '--shutter 8000 --gain 2.5 --awbgains 1.9,1.5 --autofocus-mode manual --lens-position 4.5';
      assert.ok(fake.starts.at(-1)?.join(' ').endsWith(fixed), `${fake.starts.at(-1)}`);
      assert.ok(!fake.starts[0]?.includes('--shutter'));
    });
});

/** A light, and whether it was on at a time in monotonic ms. */
const makeLight = async () => {
  const rules = { at: { chip: 'bin', offset: 7 }, activeLow: false, maxOnMs: 30_000, minOffMs: 0 };
  const opened = await new SimulatedLines({ clock }).output('light', { ...rules, group: null, guards: [] });
  assert.ok(opened.ok);
  const periods: { readonly fromMs: number; toMs: number }[] = [];
  const output: Pick<Output, 'name' | 'hold'> = {
    name: 'light',
    hold: async (signal) => {
      const period = { fromMs: clock.monotonicMs(), toMs: Number.POSITIVE_INFINITY };
      periods.push(period);
      const off = await opened.value.hold(signal);
      period.toMs = clock.monotonicMs();
      return off;
    },
  };
  return {
    output: output as Output,
    wasOn: (atMs: number) => periods.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs),
  };
};

describe('the calibration of a USB camera', () => {
  const start = async (test: TestContext) => {
    const fake = await new FakeSortbinCamera().start();
    test.after(() => fake.stop());
    const rest = `driver: v4l2, program: ${fake.program}, device: ${fake.device}, width: 64, height: 64, framesPerSecond: 50`;
    return { fake, rest };
  };

  it('writes the present values of its controls, with which the camera starts', async (test) => {
    const { fake, rest } = await start(test);
    const saved = await calibrate(test, `camera: { ${rest} } # hall\n`, 'fix');
    const controls = 'auto_exposure: 1, exposure_time_absolute: 157';
    assert.equal(saved, `camera: { controls: { ${controls} }, ${rest} } # hall\n`);
    await withCamera(saved, async () => {});
    assert.deepEqual(fake.starts.at(-1)?.slice(-2), ['auto_exposure=1', 'exposure_time_absolute=157']);
    assert.equal(fake.starts.length, 2);
  });

  it('measures the delay between the light and the frames', async (test) => {
    const delayMs = 150;
    const { fake, rest } = await start(test);
    const { output, wasOn } = await makeLight();
    // A frame shows what was there `delayMs` before its time.
    fake.scene = () => (wasOn(clock.monotonicMs() - delayMs) ? 'white' : 'normal');
    const inspector = new FrameInspector({ clock, log: quiet });
    test.after(() => inspector.close());
    let longestMs = 0;
    let last: Frame | null = null;
    const saved = await calibrate(test, `camera: { latencyMs: 0, ${rest} }\n`, 'latency', {
      light: { light: new LineLight({ output, settleMs: 0, clock }), output },
      maxImages: 1,
      inspector: {
        // The interval of the frames that arrived: a busy machine loses some.
        inspect: (frame, signal) => {
          const intervalMs = frame.capturedAtMs - (last?.capturedAtMs ?? Number.NEGATIVE_INFINITY);
          if (intervalMs < 500) longestMs = Math.max(longestMs, intervalMs);
          last = frame;
          return inspector.inspect(frame, signal);
        },
        toJpeg: (frame, signal) => inspector.toJpeg(frame, signal),
      },
    });
    const { camera } = parseConfig(saved, 'sortbin.yaml');
    const measuredMs = camera.driver === 'v4l2' ? camera.latencyMs : null;
    assert.ok(measuredMs !== null);
    assert.ok(
      Math.abs(measuredMs - delayMs) <= longestMs + 1,
      `${measuredMs} ms instead of ${delayMs} ms, interval ${longestMs} ms`,
    );
    assert.ok(!wasOn(clock.monotonicMs()));
  });
});
