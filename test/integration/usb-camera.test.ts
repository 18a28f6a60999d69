import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { BinEvent } from '../../device/cycle/event.js';
import { SystemClock } from '../../device/kit/clock.js';
import { CONTROL_SOCKET } from '../../device/network/commands/commands.js';
import { sendCommand } from '../../device/network/commands/send-command.js';
import { FakeSortbinCamera } from '../support/hardware/fake-sortbin-camera.js';
import { inFolder, Sortbin } from '../support/sortbin.js';

const makeCamera = async (test: TestContext) => {
  const fake = await new FakeSortbinCamera().start();
  test.after(() => fake.stop());
  const config = `
trigger: { driver: several, sensors: { hand: { driver: command }, slow: { driver: interval, everyMs: 80000000 } } }
camera: { driver: v4l2, program: ${fake.program}, device: ${fake.device}, framesPerSecond: 30, startMs: 10000 }
gate: { moveMs: 20 }
mqtt: { embedded: { port: 0 } }
`;
  return { fake, config };
};

/** Simulates an item. Returns its event. */
const sortItem = async (bin: Sortbin, folder: string): Promise<BinEvent> => {
  const items = () => bin.lines.flatMap(({ item }) => (item ? [item as BinEvent] : []));
  const count = items().length;
  const socket = join(folder, 'data', CONTROL_SOCKET);
  const answer = await sendCommand(socket, { command: 'trigger' }, new SystemClock());
  assert.ok(answer.ok);
  await bin.waitForLog(() => items().length > count);
  return items()[count] as BinEvent;
};

describe('sortbin run with a USB camera', () => {
  for (const format of ['MJPG', 'YUYV'] as const)
    it(`sorts items with frames in ${format}, and sorts again after the camera was unplugged`, async (test) => {
      const { fake, config } = await makeCamera(test);
      fake.format = format;
      fake.hasTables = false;
      await inFolder(config, async (folder) => {
        const bin = new Sortbin(['run'], folder);
        const started = await bin.waitForLog(/^the camera delivers frames$/);
        assert.deepEqual(
          [started.driver, started.model, started.clock, started.framesPerSecond],
          ['v4l2', 'Fake Webcam', 'frame-start', 30],
        );
        await bin.waitForCommands();
        const item = await sortItem(bin, folder);
        assert.ok(item.frame && Object.keys(item.scores ?? {}).length > 0);
        fake.unplug();
        await bin.waitForLog(({ code }) => code === 'camera-missing');
        const lost = await sortItem(bin, folder);
        assert.deepEqual([lost.outcome, lost.fault?.code], ['failed', 'camera-missing']);
        fake.plugIn();
        assert.equal((await sortItem(bin, folder)).fault, null);
        bin.kill('SIGTERM');
        assert.equal(await bin.ended(), 0);
      });
    });

  it('starts without the camera, and sorts after the camera was plugged in', async (test) => {
    const { fake, config } = await makeCamera(test);
    fake.unplug();
    await inFolder(config, async (folder) => {
      const bin = new Sortbin(['run'], folder);
      const warning = await bin.waitForLog(({ code }) => code === 'camera-missing');
      assert.match(warning.msg, /video0: No such file or directory\. Connect the camera, and list/);
      await bin.waitForCommands();
      fake.plugIn();
      await bin.waitForLog(/^camera: recovered/);
      const item = await sortItem(bin, folder);
      assert.equal(item.fault, null);
      bin.kill('SIGTERM');
      assert.equal(await bin.ended(), 0);
    });
  });
});
