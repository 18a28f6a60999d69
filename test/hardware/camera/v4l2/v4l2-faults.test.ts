import assert from 'node:assert/strict';
import { chmod, copyFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { SystemClock } from '../../../../device/kit/clock.js';
import { DeadlineExceeded, withDeadline } from '../../../../device/kit/deadline.js';
import { SimulatedClock } from '../../../../device/kit/simulated-clock.js';
import { frameOf, makeV4l2Bench } from '../../../support/hardware/v4l2-bench.js';
import { until } from '../../../support/until.js';

const never = new AbortController().signal;

describe('the driver v4l2, when something fails,', () => {
  it('names the problem and the fix if the camera does not start', async (test) => {
    for (const [refusal, code, message] of [
      ['missing /dev/video0: No such file or directory', 'camera-missing', /No such.*\. Connect.*doctor`\.$/],
      ['denied /dev/video0: Permission denied', 'camera-denied', /denied\. Run `sudo usermod -aG video \S+`/],
      [
        'busy /dev/video0: VIDIOC_S_FMT: busy',
        'camera-busy',
        /busy\. End the program.*sudo fuser -v .*video0/,
      ],
      [
        'unsupported /dev/video0: neither MJPG nor YUYV',
        'camera-unsupported',
        /YUYV\. Run `v4l2-ctl -d .*video0/,
      ],
      [
        'failed /dev/video0: VIDIOC_QBUF: I/O error',
        'camera-failed',
        /I\/O error\. If the camera does not recover, disc/,
      ],
      ['frozen /dev/video0: no good frame', 'camera-no-frame', /no good frame\. Disconnect and/],
    ] as const) {
      const { failure, fake, health } = await makeV4l2Bench(test);
      fake.refusal = refusal;
      const fault = await failure();
      assert.equal(fault.code, code);
      assert.match(fault.message, message);
      assert.deepEqual(health, [code]);
    }
  });

  it('names the process that uses the camera', async (test) => {
    const { failure, fake } = await makeV4l2Bench(test);
    await fake.hold(4321, 'cheese');
    await fake.hold(99, 'motion');
    fake.refusal = 'busy /dev/video0: VIDIOC_S_FMT: Device or resource busy';
    const { message } = await failure();
    assert.equal(
      message,
      '/dev/video0: VIDIOC_S_FMT: Device or resource busy. It is open in cheese (process 4321), motion (process 99). End that program.',
    );
  });

  it('notices a program that is missing, or of another release', async (test) => {
    const missing = await makeV4l2Bench(test, { program: '/nonexistent/sortbin-camera' });
    const fault = await missing.failure();
    assert.equal(fault.code, 'camera-failed');
    assert.match(fault.message, /ENOENT.*\. Check that \/nonexistent\/sortbin-camera exists, is executable/);
    const other = await makeV4l2Bench(test);
    other.fake.versionLine = 'sortbin-camera 3 9.9';
    assert.deepEqual(await other.failure(), {
      code: 'camera-unsupported',
      message: `${other.fake.program} (9.9) uses protocol 3, this sortbin uses protocol 2. Use the sortbin-camera of this release.`,
    });
  });

  it('reports the new problem if the problem of the program changes', async (test) => {
    const { camera, failure, fake } = await makeV4l2Bench(test, async ({ program }) => ({
      program: `${program}-of-a-test`,
    }));
    const messages: string[] = [];
    camera.onHealth((fault) => messages.push(fault?.message ?? 'recovered'));
    await failure();
    await writeFile(`${fake.program}-of-a-test`, '', { mode: 0o644 });
    await until('the new problem', () => messages.length > 1);
    assert.match(messages[0] ?? '', /ENOENT/);
    assert.match(messages[1] ?? '', /EACCES/);
    await copyFile(fake.program, `${fake.program}-of-a-test`);
    await chmod(`${fake.program}-of-a-test`, 0o755);
    await until('recovery', () => messages.length > 2);
    assert.equal(messages[2], 'recovered');
  });

  it('notices a stopped program while an item waits, and takes the frame from the next one', async (test) => {
    const { camera, fake, health, nowMs } = await makeV4l2Bench(test);
    await camera.start(never);
    fake.signal('SIGSTOP');
    const frame = await frameOf(camera.frameAfter(nowMs(), never));
    assert.ok(frame.bytes.length > 0);
    assert.deepEqual(health, ['camera-frozen', null]);
  });

  it('kills a program that sends invalid output, and starts it again', async (test) => {
    const { camera, fake, health, nowMs } = await makeV4l2Bench(test);
    await camera.start(never);
    for (const line of [
      'hello',
      'x'.repeat(2_000),
      '99 ok',
      'sortbin-camera 2 again',
      '1 frame 1 1 99999999999',
    ]) {
      const before = health.length;
      fake.write(line);
      await until('the fault', () => health.length > before);
      await frameOf(camera.frameAfter(nowMs(), never));
    }
    assert.deepEqual(new Set(health), new Set(['camera-failed', null]));
  });

  it('kills a program that sends a frame from the future, and never delivers that frame', async (test) => {
    const { camera, fake, health, nowMs } = await makeV4l2Bench(test);
    const messages: string[] = [];
    camera.onHealth((fault) => messages.push(fault?.message ?? ''));
    await camera.start(never);
    for (const request of [() => camera.frameAfter(nowMs(), never), () => camera.latest(never)]) {
      const before = health.length;
      fake.timeOffsetMs = 3_600_000;
      const answer = request();
      await until('the fault', () => health.length > before);
      fake.timeOffsetMs = 0;
      assert.ok((await frameOf(answer)).capturedAtMs < nowMs());
    }
    assert.deepEqual(new Set(health), new Set(['camera-failed', null]));
    assert.match(messages[0] ?? '', / sent a frame from the future: its time is 3\d{6} ms ahead\. Use the/);
  });

  it('kills a program that hangs while an item waits, and takes the frame from the next one', async (test) => {
    const { camera, fake, health, nowMs } = await makeV4l2Bench(test);
    await camera.start(never);
    fake.isSilent = true;
    const answer = camera.frameAfter(nowMs(), never);
    await until('the fault', () => health.includes('camera-frozen'));
    fake.isSilent = false;
    await answer;
    await frameOf(camera.frameAfter(nowMs(), never));
    assert.equal(health.at(-1), null);
  });

  it('does not restart a program whose frames are old, and reports them', async (test) => {
    const { camera, fake, health, nowMs } = await makeV4l2Bench(test, { freezeMs: 100 });
    await camera.start(never);
    fake.timeOffsetMs = -60_000;
    const clock = new SystemClock();
    const capture = () => withDeadline(clock, 900, (signal) => camera.frameAfter(nowMs(), signal));
    for (let count = 0; count < 3; count++) await assert.rejects(capture(), DeadlineExceeded);
    await until('the fault', () => health.includes('camera-no-frame'));
    fake.timeOffsetMs = 0;
    await frameOf(camera.frameAfter(nowMs(), never));
    assert.deepEqual([health, fake.starts.length], [['camera-no-frame', null], 1]);
  });

  it('notices a program that hangs while no item comes', async (test) => {
    // The fake sends frames in real time.
    const clock = new SimulatedClock(new SystemClock().monotonicMs() + 60_000);
    const { camera, fake, health } = await makeV4l2Bench(test, { clock });
    await camera.start(never);
    await clock.advance(5_000);
    await until('a check', () => fake.commands.includes('latest'));
    fake.isSilent = true;
    for (let count = 0; count < 12 && health.length === 0; count++) await clock.advance(1_000);
    assert.equal(health[0], 'camera-frozen');
  });
});
