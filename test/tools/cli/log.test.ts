import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { makeNodeLibcameraCamera } from '../../../device/hardware/camera/node-libcamera/node-libcamera-camera.js';
import { SystemClock } from '../../../device/kit/clock.js';
import { newId } from '../../../device/kit/ids.js';
import { type LogRecord, toTerminal } from '../../../device/tools/cli/log.js';
import { FakeStill, nodeLibcamera } from '../../support/hardware/fake-still.js';
import { makeRpicamBench } from '../../support/hardware/rpicam-bench.js';

const never = new AbortController().signal;

const makeLog = () => {
  const records: LogRecord[] = [];
  return { log: pino({ base: null }, { write: (line) => records.push(JSON.parse(line)) }), records };
};

/** Returns the records as a terminal shows them. */
const shown = (records: readonly LogRecord[]) =>
  records.map(toTerminal).map(({ level, time, ...rest }) => rest);

describe('the log of a camera', () => {
  it('states on a terminal what a camera delivers, and its locked settings', async (test: TestContext) => {
    const { log, records } = makeLog();
    const { camera } = makeRpicamBench(test, {}, { log, lockAfterMs: 100 });
    await camera.start(never);
    assert.deepEqual(shown(records), [
      {
        msg: 'camera: settings locked: exposure 8000 us at gain 2.5, white balance red 1.9 and blue 1.5, focus 4.5 dioptres',
      },
      { msg: 'camera: delivers frames: imx708, 640x480 jpeg at 50 per second' },
    ]);
    // JSON has the fields.
    const [locked, delivers] = records;
    assert.deepEqual([locked?.exposure, locked?.focus], [{ shutterUs: 8_000, gain: 2.5 }, { dioptres: 4.5 }]);
    assert.deepEqual([delivers?.msg, delivers?.driver], ['the camera delivers frames', 'rpicam']);
    assert.deepEqual([delivers?.size, delivers?.latencyMs], [{ width: 640, height: 480 }, 0]);
  });

  it('states on a terminal that a camera takes stills, and how slow they are', async (test) => {
    const { log, records } = makeLog();
    const packagePath = await nodeLibcamera(test);
    const camera = makeNodeLibcameraCamera({
      ...{ camera: 0, width: 640, height: 480, rotation: 0, captureMs: 10_000, identicalFrames: 2 },
      ...{ program: (await FakeStill.make(test)).program, findPackage: () => packagePath },
      ...{ clock: new SystemClock(), newId, log },
    });
    test.after(() => camera.close());
    await camera.start(never);
    const [slow, delivers] = shown(records);
    assert.match(
      `${slow?.msg}`,
      /^camera: a still took \d+ ms: node-libcamera starts the camera for each still\. The driver rpicam is faster\.$/,
    );
    assert.deepEqual(delivers, { msg: 'camera: delivers stills: camera 0, 640x480 jpeg' });
  });
});
