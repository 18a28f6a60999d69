import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { makeNodeLibcameraCamera } from '../../../../device/hardware/camera/node-libcamera/node-libcamera-camera.js';
import { SystemClock } from '../../../../device/kit/clock.js';
import { SortbinError } from '../../../../device/kit/errors.js';
import { newId } from '../../../../device/kit/ids.js';
import { cameraContract } from '../../../contract/camera-contract.js';
import { cameraRestartContract, type RestartBench } from '../../../contract/camera-restart-contract.js';
import { quiet } from '../../../support/bin.js';
import { FakeStill, nodeLibcamera } from '../../../support/hardware/fake-still.js';
import { isRunning } from '../../../support/processes.js';
import { until } from '../../../support/until.js';

const never = new AbortController().signal;

const setUp = async (test: TestContext, changed: { captureMs?: number; program?: string | null } = {}) => {
  const fake = await FakeStill.make(test);
  const packagePath = await nodeLibcamera(test);
  const clock = new SystemClock();
  const camera = makeNodeLibcameraCamera({
    ...{ camera: 0, width: 640, height: 480, rotation: 180, program: fake.program, captureMs: 10_000 },
    ...{ identicalFrames: 2, clock, newId, log: quiet, findPackage: () => packagePath, ...changed },
  });
  test.after(() => camera.close());
  return { fake, clock, camera };
};

const makeBench = async (test: TestContext): Promise<RestartBench> => {
  const { fake, clock, camera } = await setUp(test, { captureMs: 2_000 });
  const modes: Promise<void>[] = [];
  const set = (mode: Parameters<FakeStill['set']>[0]) => {
    modes.push(fake.set(mode));
  };
  return {
    camera,
    show: (scene) => fake.set(scene),
    stall: () => set('hang'),
    resume: () => set('normal'),
    hang: () => set('hang'),
    unplug: () => set('error no cameras available'),
    plugIn: () => set('normal'),
    starts: () => fake.starts(),
    nowMs: () => clock.monotonicMs(),
    pass: async (ms) => {
      await Promise.all(modes);
      await wait(ms);
    },
  };
};

cameraContract('node-libcamera', makeBench);
cameraRestartContract('node-libcamera', makeBench);

const faultOf = async (started: Promise<unknown>): Promise<string> => {
  try {
    await started;
  } catch (thrown) {
    assert.ok(thrown instanceof SortbinError);
    return `${thrown.code}: ${thrown.message}`;
  }
  throw new Error('started');
};

/** Makes an empty folder for temporary files. Returns its path. */
const useTemporaryFolder = async (test: TestContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'temporary-'));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  test.after(async () => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    await rm(folder, { recursive: true, force: true });
  });
  return folder;
};

describe('a camera by node-libcamera', () => {
  it('passes only integers and a fixed file name to the shell', async (test) => {
    const { fake, camera } = await setUp(test);
    const info = await camera.start(never);
    assert.equal(
      await fake.arguments(),
      '--nopreview --timeout 1000 --output still.jpg --camera 0 --width 640 --height 480 --rotation 180',
    );
    assert.deepEqual(
      [info.clock, info.latencyMs, info.framesPerSecond, info.size],
      ['request', 0, null, { width: 640, height: 480 }],
    );
  });

  it('states the time of the request as the time of a frame', async (test) => {
    const { clock, camera } = await setUp(test);
    await camera.start(never);
    const requestedMs = clock.monotonicMs();
    const answer = await camera.frameAfter(requestedMs + 300, never);
    assert.ok(answer.ok && answer.value.capturedAtMs > requestedMs + 300);
    assert.ok(answer.value.capturedAtMs < clock.monotonicMs());
  });

  it('kills rpicam-still, the shell and the package together, and leaves no folder', async (test) => {
    const { fake, camera } = await setUp(test);
    const folder = await useTemporaryFolder(test);
    const abort = new AbortController();
    await fake.set('hang');
    const started = camera.start(abort.signal);
    started.catch(() => {});
    let pid: number | null = null;
    await until('rpicam-still hangs', () => {
      void fake.pid().then((found) => {
        pid = found;
      });
      return pid !== null;
    });
    abort.abort(new Error('enough'));
    await assert.rejects(started, /enough/);
    await camera.close();
    await until('rpicam-still has exited', () => !isRunning(pid ?? -1));
    assert.deepEqual(await readdir(folder), []);
  });

  it('names the fix of each fault', async (test) => {
    const { fake, camera } = await setUp(test, { captureMs: 60_000 });
    await fake.set('error failed to acquire camera /base/imx219');
    assert.match(
      await faultOf(camera.start(never)),
      /^camera-busy: camera 0: failed to acquire camera .*\. End the program that uses the camera\.$/,
    );
    const faults: [Parameters<FakeStill['set']>[0], RegExp][] = [
      ['error no cameras available', /^camera-missing: .*\. Check the ribbon cable\.$/],
      ['error Permission denied', /^camera-denied: .*\. Add your user to the group video/],
      ['error failed to start camera', /^camera-failed: .*failed to start camera\. Run rpicam-still/],
      ['garbage', /^camera-failed: the still of 8 bytes is not a JPEG\. Check/],
      ['nothing', /^camera-failed: camera 0: rpicam-still wrote no file\. Run/],
    ];
    for (const [mode, expected] of faults) {
      await fake.set(mode);
      const answer = await camera.frameAfter(0, never);
      assert.match(answer.ok ? 'ok' : `${answer.fault.code}: ${answer.fault.message}`, expected);
    }
  });

  it('reports a folder for temporary files that has vanished, and recovers', async (test) => {
    const { camera } = await setUp(test);
    const folder = await useTemporaryFolder(test);
    await camera.start(never);
    await rm(folder, { recursive: true });
    const answer = await camera.frameAfter(0, never);
    assert.ok(answer.ok);
    const later = await camera.frameAfter(answer.value.capturedAtMs, never);
    assert.match(
      later.ok ? 'ok' : `${later.fault.code}: ${later.fault.message}`,
      /^camera-failed: ENOENT: no such file or directory, mkdtemp '.*temporary-.*'\. Check the folder of TMPDIR\.$/,
    );
    await mkdir(folder);
    assert.ok((await camera.frameAfter(answer.value.capturedAtMs, never)).ok);
  });

  it('is unsupported if rpicam-still cannot be executed', async (test) => {
    const denied = '#!/bin/sh\necho "sh: libcamera-still: Permission denied" >&2\nexit 126\n';
    for (const content of ['\x7fELF of another machine\n', '(\n', '#!/bin/sh\nexit 126\n', denied]) {
      const { fake, camera } = await setUp(test);
      await writeFile(fake.program, content, 'latin1');
      const fault = await faultOf(camera.start(never));
      assert.match(
        fault,
        /^camera-unsupported: .*cannot be executed\. Install the rpicam-apps of this machine/,
      );
      assert.ok(fault.includes(fake.program));
    }
  });

  it('is unsupported without rpicam-still, and without the package', async (test) => {
    const { camera } = await setUp(test, { program: '/nowhere/rpicam-still' });
    assert.match(
      await faultOf(camera.start(never)),
      /^camera-unsupported: camera\.program: \/nowhere\/rpicam-still is not a program\. Correct camera\.program, or set null/,
    );
    const path = process.env.PATH;
    test.after(() => {
      process.env.PATH = path;
    });
    process.env.PATH = '/nowhere';
    const { camera: fromPath } = await setUp(test, { program: null });
    assert.match(
      await faultOf(fromPath.start(never)),
      /^camera-unsupported: rpicam-still is not installed\. On Raspberry Pi OS, run sudo apt install rpicam-apps\./,
    );
    process.env.PATH = path;
    const fake = await FakeStill.make(test);
    const withoutPackage = makeNodeLibcameraCamera({
      ...{ camera: 0, width: 64, height: 64, rotation: 0, program: fake.program, captureMs: 5_000 },
      ...{ identicalFrames: 2, clock: new SystemClock(), newId, log: quiet },
      findPackage: () => {
        throw new Error('not found');
      },
    });
    test.after(() => withoutPackage.close());
    assert.match(
      await faultOf(withoutPackage.start(never)),
      /^camera-unsupported: the package node-libcamera is not installed\. Run npm install node-libcamera@1\.0\.6/,
    );
  });
});
