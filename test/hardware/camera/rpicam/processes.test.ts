import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { CameraFault } from '../../../../device/hardware/camera/camera.js';
import { SortbinError } from '../../../../device/kit/errors.js';
import { makeRpicamBench } from '../../../support/hardware/rpicam-bench.js';
import { isRunning } from '../../../support/processes.js';
import { until } from '../../../support/until.js';

const never = new AbortController().signal;

/** What rpicam-vid and libcamera write, and the exit with code 255. */
const FAILURES: readonly (readonly [CameraFault, fix: RegExp, error: string, stderr?: string])[] = [
  ['camera-missing', /Check the ribbon cable/, 'no cameras available'],
  ['camera-missing', /Set camera\.camera/, 'selected camera is not available'],
  [
    'camera-busy',
    /Stop the other program/,
    'failed to acquire camera /base/soc/i2c0mux/i2c@1/imx477@1a',
    '[93:12:50.409301353] [47239]  INFO Camera camera.cpp:1022 Pipeline handler in use by another process',
  ],
  [
    'camera-busy',
    /Stop the other program/,
    'failed to configure streams',
    '[0:00:52.243] [982] ERROR V4L2 v4l2_videodevice.cpp:1047 /dev/video0[13:cap]: Unable to set format: Device or resource busy',
  ],
  [
    'camera-denied',
    /group video/,
    'no cameras available',
    '[0:01:02.1] [9] ERROR MediaDevice media_device.cpp:511 Failed to open media device at /dev/media0: Permission denied',
  ],
  [
    'camera-failed',
    /Check the ribbon cable/,
    'failed to start camera',
    '[0:01:38.231903305] [672] ERROR V4L2 v4l2_videodevice.cpp:1999 /dev/video1[12:cap]: Failed to start streaming: Input/output error',
  ],
  [
    'camera-failed',
    /Check the ribbon cable/,
    'something else',
    "[0:18:18.676643661] [1827] ERROR V4L2 v4l2_device.cpp:413 'imx708 10-001a': Unable to set controls: Remote I/O error",
  ],
  ['camera-failed', /rpicam-hello/, 'failed to generate video configuration'],
  ['camera-unsupported', /sudo apt install rpicam-apps/, "unrecognised option '--flush'"],
  [
    'camera-unsupported',
    /raspi-config/,
    'end',
    'ERROR: the system appears to be configured for the legacy camera stack',
  ],
];

describe('the processes of a camera of a Raspberry Pi', () => {
  for (const [code, fix, error, stderr] of FAILURES)
    it(`report ${code} with a fix for "${stderr ?? error}"`, async (test) => {
      const { camera } = makeRpicamBench(test, { error, stderr: stderr ?? '' });
      await assert.rejects(camera.start(never), (fault) => {
        assert.ok(fault instanceof SortbinError);
        assert.equal(fault.code, code);
        assert.match(fault.message, /^rpicam-vid exited with code 255 /);
        assert.match(fault.message, fix);
        return true;
      });
    });

  it('report a configured program that does not exist', async (test) => {
    const { camera } = makeRpicamBench(test, {}, { program: '/nowhere/rpicam-vid' });
    await assert.rejects(camera.start(never), {
      code: 'camera-unsupported',
      message:
        'camera.program: /nowhere/rpicam-vid is not a program. Correct camera.program, or set null to search PATH.',
    });
  });

  it('report a program that cannot be executed', async (test) => {
    // The system passes a file of an unknown format to the shell.
    for (const content of ['\x7fELF of another machine\n', '(\n', '#!/bin/sh\nexit 126\n']) {
      const { camera, fake } = makeRpicamBench(test, {});
      writeFileSync(fake.program, content, 'latin1');
      await assert.rejects(camera.start(never), (fault) => {
        assert.ok(fault instanceof SortbinError);
        assert.equal(fault.code, 'camera-unsupported');
        assert.match(fault.message, /^rpicam-vid exited with code (2|126|127)\b/);
        assert.match(
          fault.message,
          /\. The program cannot be executed\. Install the rpicam-apps of this machine, or correct camera\.program\.$/,
        );
        return true;
      });
    }
  });

  it('are found in PATH: rpicam-vid, else libcamera-vid', async (test) => {
    const path = process.env.PATH;
    test.after(() => {
      process.env.PATH = path;
    });
    const { camera, fake } = makeRpicamBench(test, {}, { program: null });
    process.env.PATH = '/nowhere';
    await assert.rejects(camera.start(never), {
      code: 'camera-unsupported',
      message:
        'rpicam-vid is not installed. On Raspberry Pi OS, run sudo apt install rpicam-apps. Debian has no such package.',
    });
    // Otherwise its next attempt finds the program of the other camera.
    await camera.close();
    const old = makeRpicamBench(test, {}, { program: null });
    const folder = join(fake.folder, 'bin');
    mkdirSync(folder);
    symlinkSync(old.fake.program, join(folder, 'libcamera-vid'));
    process.env.PATH = `/nowhere:${folder}`;
    await old.camera.start(never);
    assert.equal(old.fake.starts.length, 1);
  });

  it('are replaced if they attempt to restart a frozen camera forever', async (test) => {
    const { camera, fake } = makeRpicamBench(test);
    const health: string[] = [];
    camera.onHealth((fault) => health.push(fault ? `${fault.code}: ${fault.message}` : 'ok'));
    await camera.start(never);
    fake.change({ stall: 'timeouts', ignoresSigint: true });
    await until('the fault', () => health.length > 0);
    assert.match(
      health[0] ?? '',
      /^camera-frozen: .*delivered no frame for 700 ms \(message: ERROR: Device timeout detected.*\)\. Check the ribbon cable/,
    );
    fake.change({ stall: 'no' });
    await until('a working camera', () => health.at(-1) === 'ok');
  });

  it('exit on SIGINT, and are killed if they ignore it', async (test) => {
    for (const script of [{}, { ignoresSigint: true }, { stall: 'silent', ignoresSigint: true }] as const) {
      const { camera, fake } = makeRpicamBench(test, { ignoresSigint: 'ignoresSigint' in script });
      await camera.start(never);
      fake.change(script);
      const [pid = 0] = fake.pids;
      assert.ok(isRunning(pid));
      await camera.close();
      assert.ok(!isRunning(pid));
    }
  });

  it('are restarted for the next item after a crash, and leave no process and no descriptor behind', async (test) => {
    const { camera, fake, clock } = makeRpicamBench(test);
    await camera.start(never);
    const descriptors = () => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    for (let count = 1; count <= 6; count++) {
      const pid = fake.pids.at(-1) ?? 0;
      process.kill(pid, 'SIGKILL');
      await until('the end of the process', () => !isRunning(pid));
      assert.ok((await camera.frameAfter(clock.monotonicMs(), never)).ok);
      assert.equal(fake.pids.length, count + 1);
      assert.equal(descriptors(), before);
    }
    await camera.close();
    assert.deepEqual(fake.pids.filter(isRunning), []);
    assert.ok(descriptors() < before);
  });
});
