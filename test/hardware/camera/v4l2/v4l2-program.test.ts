import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { sortbinCameraPath } from '../../../support/hardware/sortbin-camera.js';
import { makeV4l2Bench } from '../../../support/hardware/v4l2-bench.js';

/** Starts the driver with the real program. Returns the path of the device, and the fault. */
const startWith = async (test: TestContext, prepare: (device: string) => Promise<void>) => {
  const folder = await mkdtemp(join(tmpdir(), 'no-camera-'));
  test.after(() => rm(folder, { recursive: true }));
  const device = join(folder, 'video0');
  await prepare(device);
  const controls = { auto_exposure: 1, gain: -3 };
  const { failure } = await makeV4l2Bench(test, { program: sortbinCameraPath(), device, controls });
  return { device, fault: await failure() };
};

describe('the driver v4l2 with the real sortbin-camera', () => {
  it('reports a missing device', async (test) => {
    const { device, fault } = await startWith(test, async () => {});
    assert.deepEqual(fault, {
      code: 'camera-missing',
      message: `${device}: No such file or directory. Connect the camera, and list the cameras with \`sortbin doctor\`.`,
    });
  });

  it('reports a file that is not a camera', async (test) => {
    const { device, fault } = await startWith(test, (path) => writeFile(path, ''));
    assert.equal(fault.code, 'camera-missing');
    assert.match(fault.message, new RegExp(`^${device}: not a capture device\\. Connect the camera`));
  });
});
