import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lockFolder } from '../../device/journal/lock.js';
import { FakeRpicam } from '../support/hardware/fake-rpicam.js';
import { FakeSortbinCamera } from '../support/hardware/fake-sortbin-camera.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

describe('sortbin calibrate camera, without a terminal', () => {
  it('measures the images of the simulated camera, and writes the first one', () =>
    inFolder('camera: { driver: simulated }\n', async (folder) => {
      const args = ['calibrate', 'camera', '--images', '2', '--picture', 'first.jpg', '--json'];
      const command = new Sortbin(args, folder);
      assert.equal(await command.ended(), 0);
      const [first, picture, second] = command.output.map((line) => JSON.parse(line));
      assert.deepEqual([first.width, first.height, picture.picture], [512, 384, 'first.jpg']);
      assert.ok(first.sharpness > 0 && second.best >= first.best);
      assert.deepEqual([...(await readFile(join(folder, 'first.jpg'))).subarray(0, 2)], [0xff, 0xd8]);
      assert.deepEqual((await readdir(folder)).sort(), ['first.jpg', 'sortbin.yaml']);
      assert.equal(command.stderr, '');
    }));

  it('proposes the present controls of a USB camera, and leaves it free after an interruption', async (test) => {
    const fake = await new FakeSortbinCamera().start();
    test.after(() => fake.stop());
    const config = `camera: { driver: v4l2, device: ${fake.device}, program: ${fake.program}, width: 64, height: 64 }\n`;
    await inFolder(config, async (folder) => {
      const command = new Sortbin(['calibrate', 'camera', '--fix'], folder);
      await until(
        () => `the proposal:\n${command.text}`,
        () => /Proposed: {2}camera\.controls\.exposure_time_absolute {2}not set -> 157/.test(command.text),
        20_000,
      );
      // The stream reports them: a second process could not use the camera.
      assert.equal(fake.starts.length, 1);
      command.kill('SIGINT');
      assert.equal(await command.ended(), 0);
      assert.match(
        command.text,
        /camera:\n {2}controls:\n {4}auto_exposure: 1\n {4}exposure_time_absolute: 157\n/,
      );
      assert.equal(await readFile(join(folder, 'sortbin.yaml'), 'utf8'), config);
      await until('the camera is free', () => !fake.isRunning);
    });
  });

  it('proposes the present settings of a ribbon camera', async (test) => {
    const fake = new FakeRpicam();
    test.after(() => fake.remove());
    await inFolder(`camera: { driver: rpicam, program: ${fake.program} }\n`, async (folder) => {
      const command = new Sortbin(['calibrate', 'camera', '--fix', '--images', '1'], folder);
      assert.equal(await command.ended(), 0);
      assert.match(
        command.text,
        /\nProposed: {2}camera\.exposure {2}auto -> \{ shutterUs: 8000, gain: 2\.5 \}\n/,
      );
      const yaml =
        'camera:\n  exposure:\n    shutterUs: 8000\n    gain: 2.5\n  whiteBalance:\n    red: 1.9\n    blue: 1.5\n  focus:\n    dioptres: 4.5\n';
      assert.ok(command.text.includes(yaml), command.text);
      assert.equal(fake.starts.length, 1);
    });
  });

  it('is refused while the bin runs, and without the camera', async () => {
    await inFolder('camera: { driver: simulated }\n', async (folder) => {
      await mkdir(join(folder, 'data'));
      const unlock = lockFolder(join(folder, 'data'));
      const busy = new Sortbin(['calibrate', 'camera'], folder);
      assert.equal(await busy.ended(), 69);
      assert.match(busy.stderr, /the bin of .*data runs\. .*its camera\. Stop it first/);
      unlock();
      const missing = new Sortbin(['calibrate', 'camera', '--camera', '/dev/video99'], folder);
      assert.equal(await missing.ended(), 69);
      assert.match(missing.stderr, /--camera: camera \/dev\/video99 not found\. Cameras of this machine: /);
    });
    await inFolder('camera: { driver: rpicam, program: /nowhere/rpicam-vid }\n', async (folder) => {
      const missing = new Sortbin(['calibrate', 'camera'], folder);
      assert.equal(await missing.ended(), 69);
      assert.match(missing.stderr, /^sortbin: .*rpicam/);
    });
  });

  it('prints a fault as one JSON line', () =>
    inFolder('camera: { driver: rpicam, program: /nowhere/rpicam-vid }\n', async (folder) => {
      const missing = new Sortbin(['calibrate', 'camera', '--json'], folder);
      assert.equal(await missing.ended(), 69);
      assert.deepEqual(
        missing.output.map((line) => JSON.parse(line)),
        [
          {
            fault: 'camera-unsupported',
            message:
              'camera.program: /nowhere/rpicam-vid is not a program. Correct camera.program, or set null to search PATH.',
          },
        ],
      );
    }));

  it('refuses a file for the image that cannot be written, before the camera starts', () =>
    inFolder('camera: { driver: rpicam, program: /nowhere/rpicam-vid }\n', async (folder) => {
      const command = new Sortbin(['calibrate', 'camera', '--picture', '/nodir/x.jpg'], folder);
      assert.equal(await command.ended(), 73);
      assert.match(
        command.stderr,
        /^sortbin: --picture: \/nodir\/x\.jpg cannot be written \(ENOENT.*\)\. Name a file in a folder that exists\.\n$/,
      );
    }));
});
