import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { frameOf, makeV4l2Bench } from '../../../support/hardware/v4l2-bench.js';

const never = new AbortController().signal;

describe('the driver v4l2', () => {
  it('passes the configuration to the program', async (test) => {
    const controls = { exposure_auto: 1, exposure_absolute: -5 };
    const options = { device: '7', format: 'yuyv', controls, buffers: 6, dropFrames: 0 } as const;
    const { camera, fake } = await makeV4l2Bench(test, options);
    await camera.start(never);
    const flags = '--buffers 6 --freeze-ms 400 --start-ms 8000 --skip 0 --format yuyv';
    assert.equal(fake.starts[0]?.join(' '), `${flags} 7 64x48 50 exposure_auto=1 exposure_absolute=-5`);
  });

  it('logs each control that cannot be set, and only its reasons that are new', async (test) => {
    const lines: Record<string, unknown>[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) });
    const { camera, fake } = await makeV4l2Bench(test, { log });
    fake.unset = { gain: '300 is not in 0 to 255' };
    await camera.start(never);
    const restart = async () => {
      fake.exit();
      await frameOf(camera.latest(never));
    };
    await restart();
    fake.unset = { gain: 'it is read-only' };
    await restart();
    const key = 'camera.controls.gain';
    const text = (reason: string) => `${key}: not set (${reason}). Correct or remove this key.`;
    assert.deepEqual(
      lines.map(({ part, key, msg }) => ({ part, key, msg })),
      [
        { part: 'camera', key, msg: text('300 is not in 0 to 255') },
        { part: 'camera', key, msg: text('it is read-only') },
      ],
    );
  });

  it('reports the controls of the running camera', async (test) => {
    const { camera, fake } = await makeV4l2Bench(test);
    await camera.start(never);
    fake.controls = [
      'auto_exposure 1 0 3 1 3 -',
      'exposure_time_absolute 80 3 2047 1 250 ri',
      'tilt -5 -9 9 1 0 r',
    ];
    assert.deepEqual(await camera.settings(never), {
      ok: true,
      value: {
        kind: 'controls',
        controls: [
          { name: 'auto_exposure', value: 1, minimum: 0, maximum: 3, step: 1, defaultValue: 3 },
          {
            name: 'exposure_time_absolute',
            value: 80,
            minimum: 3,
            maximum: 2047,
            step: 1,
            defaultValue: 250,
          },
          { name: 'tilt', value: -5, minimum: -9, maximum: 9, step: 1, defaultValue: 0 },
        ].map((control) => ({ ...control, isInactive: control.name === 'exposure_time_absolute' })),
      },
    });
    assert.equal(fake.starts.length, 1);
  });

  it('states the clock and the latency of the camera', async (test) => {
    const manual = ['auto_exposure 1 0 3 1 3 -', 'exposure_time_absolute 100 3 2047 1 250 -'];
    const old = [
      'brightness 1 0 9 1 1 -',
      'exposure_auto 1 0 3 1 3 -',
      'exposure_absolute 50 3 2047 1 250 -',
    ];
    const many = Array.from({ length: 60 }, (_, index) => `control_${index} 0 0 255 1 0 -`);
    const automatic = ['auto_exposure 3 0 3 1 3 -', 'exposure_time_absolute 100 3 2047 1 250 i'];
    // One interval has 20 ms.
    for (const [clock, controls, latencyMs, expected] of [
      ['soe', automatic, null, ['frame-start', 40]],
      ['eof', manual, null, ['frame-end', 30]],
      ['arrival', [...many, ...old], null, ['arrival', 25]],
      ['soe', [], null, ['frame-start', 40]],
      ['soe', manual, 3, ['frame-start', 3]],
    ] as const) {
      const { camera, fake } = await makeV4l2Bench(test, { latencyMs });
      Object.assign(fake, { clock, controls });
      const info = await camera.start(never);
      assert.deepEqual([info.clock, info.latencyMs], expected);
      assert.deepEqual(
        [info.driver, info.model, info.format, info.framesPerSecond, info.size],
        ['v4l2', 'Fake Webcam', 'jpeg', 50, { width: 64, height: 48 }],
      );
    }
  });

  it('asks for an event that is later than the exposure, and subtracts the latency from its time', async (test) => {
    const { camera, fake, nowMs } = await makeV4l2Bench(test, { latencyMs: 500 });
    await camera.start(never);
    const atMs = nowMs();
    const frame = await frameOf(camera.frameAfter(atMs, never));
    const ns = Number(fake.commands.find((command) => command.startsWith('after'))?.split(' ')[1]);
    assert.ok(Math.abs(ns / 1e6 - (atMs + 500)) < 0.001);
    assert.ok(frame.capturedAtMs > atMs && frame.capturedAtMs < nowMs() - 499);
    assert.ok(frame.capturedAtWallMs < Date.now() - 400);
  });

  it('answers several callers at once, also if one waits for a later frame or gives up', async (test) => {
    const { camera, nowMs } = await makeV4l2Bench(test);
    await camera.start(never);
    const abort = new AbortController();
    const atMs = nowMs();
    const far = camera.frameAfter(atMs + 3_600_000, abort.signal);
    const answers = [300, 0, 0, 150].map((delayMs) => camera.frameAfter(atMs + delayMs, never));
    const newest = camera.latest(never);
    const [last, ...others] = await Promise.all(answers.map(frameOf));
    for (const frame of others) assert.ok(frame.capturedAtMs > atMs);
    assert.ok(last && last.capturedAtMs > atMs + 300);
    await frameOf(newest);
    abort.abort(new Error('too late'));
    await assert.rejects(far, /too late/);
    const nextMs = nowMs();
    assert.ok((await frameOf(camera.frameAfter(nextMs, never))).capturedAtMs > nextMs);
  });

  it('reads output in small pieces', async (test) => {
    const { camera, fake, nowMs } = await makeV4l2Bench(test);
    fake.splitBytes = 7;
    await camera.start(never);
    for (let count = 0; count < 3; count++) await frameOf(camera.frameAfter(nowMs(), never));
    assert.equal(fake.starts.length, 1);
  });
});
