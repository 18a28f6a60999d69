import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BinEvent } from '../../device/cycle/event.js';
import { FakeRpicam, type RpicamScript } from '../support/hardware/fake-rpicam.js';
import { isRunning } from '../support/processes.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

/** Runs a bin with the camera `rpicam`, an item every second, and the command `sortbin`. */
const inBin = async (
  script: Partial<RpicamScript>,
  use: (bin: Sortbin, fake: FakeRpicam) => Promise<void>,
) => {
  const fake = new FakeRpicam(script);
  const config = `
camera: { driver: rpicam, program: ${fake.program}, framesPerSecond: 30, dropFrames: 3 }
trigger: { driver: interval, everyMs: 1000 }
vision: { driver: simulated, script: [{ label: paper }] }
gate: { moveMs: 20 }
mqtt: { embedded: { port: 0 } }
`;
  try {
    await inFolder(config, (folder) => use(new Sortbin(['run'], folder), fake));
  } finally {
    fake.remove();
  }
};

describe('sortbin run with a camera of a Raspberry Pi', () => {
  it('sorts an item with a frame that was exposed after its trigger, and ends the camera when it stops', () =>
    inBin({}, async (bin, fake) => {
      const started = await bin.waitForLog(/^the camera delivers frames$/);
      assert.deepEqual([started.driver, started.model, started.clock], ['rpicam', 'imx708', 'exposure']);
      const { item } = (await bin.waitForLog(/^item sorted$/)) as unknown as { item: BinEvent };
      assert.ok(item.frame && Date.parse(item.frame.capturedAt) >= Date.parse(item.at));
      assert.equal(fake.pids.length, 1);
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
      await until('the end of the camera', () => !fake.pids.some(isRunning));
      assert.deepEqual(
        bin.lines.filter(({ level }) => level >= 40).map(({ msg }) => msg),
        [],
      );
    }));

  it('starts without the camera, and sorts when the camera appears', () =>
    inBin({ error: 'no cameras available' }, async (bin, fake) => {
      const { msg } = await bin.waitForLog(({ code }) => code === 'camera-missing');
      assert.match(msg, /Check the ribbon cable/);
      await bin.waitForLog(/^item failed$/);
      fake.change({ error: '' });
      await bin.waitForLog(/^item sorted$/);
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
    }));
});
