import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CHIP, DaemonRun, LINES } from './guest/daemon.js';
import { GpioSim } from './guest/gpio-sim.js';
import { Sampling } from './guest/sample.js';
import { Vivid } from './guest/vivid.js';

const DEADLINE_MS = 60_000;
const CAMERA =
  '{ driver: v4l2, device: /dev/video0, width: 320, height: 180, startMs: 10000, freezeMs: 3000, identicalFrames: 2 }';

// One daemon runs all of these tests, because each start takes many seconds in emulation.
describe('the running daemon with a V4L2 camera', { timeout: 20 * DEADLINE_MS }, () => {
  let sim: GpioSim;
  const vivid = new Vivid();
  let daemon: DaemonRun;
  before(async () => {
    sim = GpioSim.create(CHIP, LINES);
    vivid.create();
    daemon = await DaemonRun.start(sim, ['paper'], { camera: CAMERA });
    await daemon.untilIdle();
  });
  after(async () => {
    await daemon.end();
    vivid.remove();
    sim.remove();
  });

  /** Passes an item. Returns its event, and whether the gate was on. */
  const sortItem = async () => {
    const sampling = await Sampling.start(sim.valueFile('paper'));
    const event = await daemon.sortItem();
    const { readings } = await sampling.stop();
    return { event, isMoved: readings.some(({ value }) => value === '1') };
  };
  const assertSorted = ({ event, isMoved }: Awaited<ReturnType<typeof sortItem>>) => {
    assert.deepEqual([event?.outcome, event?.fault, isMoved], ['sorted', null, true]);
    const capturedAt = Date.parse(event?.frame?.capturedAt ?? '');
    assert.ok(capturedAt >= Date.parse(event?.at ?? ''));
  };
  const assertLost = ({ event, isMoved }: Awaited<ReturnType<typeof sortItem>>) => {
    assert.deepEqual([event?.outcome, event?.frame, isMoved], ['failed', null, false]);
    assert.match(event?.fault?.code ?? '', /^camera-/);
    return event?.fault?.code;
  };

  it('starts the camera', async () => {
    const { model, format, size } = await daemon.waitForLog(/^the camera delivers frames$/);
    assert.deepEqual([model, format, size], ['vivid', 'yuyv', { width: 320, height: 180 }]);
  });

  it('sorts an item with a frame that was exposed after the sensor', async () => {
    for (let count = 0; count < 3; count++) assertSorted(await sortItem());
  });

  it('loses an item while the camera is frozen, and sorts the next one', async () => {
    vivid.freeze(true);
    assertLost(await sortItem());
    vivid.freeze(false);
    assertSorted(await sortItem());
  });

  it('loses an item while the camera is unplugged, and sorts the next one', async () => {
    vivid.unplug();
    await daemon.waitForFault('camera-missing');
    assert.equal(assertLost(await sortItem()), 'camera-missing');
    vivid.plug();
    assertSorted(await sortItem());
  });
});
