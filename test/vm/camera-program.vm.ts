import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { sortbinCameraPath } from '../support/hardware/sortbin-camera.js';
import { frameAfter, frames, latestFrame, ready, useVivid } from './guest/camera-programs.js';
import { v4l2Ctl } from './guest/v4l2-ctl.js';

const OPTIONS = { timeout: 120_000 };
const SUITE = { timeout: 1_200_000 };
const FRAME_BYTES = 320 * 180 * 2;

describe('sortbin-camera with vivid', SUITE, () => {
  const { vivid, programs, start: startProgram } = useVivid();
  const start = (...controls: string[]) =>
    startProgram(['--freeze-ms', '20000', '--start-ms', '60000'], ...controls);

  it('reports the format, the camera and the clock', OPTIONS, async () => {
    const { fps, ...words } = await ready(start());
    assert.deepEqual(words, {
      format: 'YUYV',
      width: '320',
      height: '180',
      stride: '640',
      colour: 'bt601-limited',
      clock: 'eof',
      device: vivid.device,
      driver: 'vivid',
      bus: vivid.bus,
      card: 'vivid',
    });
    assert.equal(Number(fps), 15);
  });

  const colours: readonly [string, string][] = [
    ['bt709-limited', 'y_cbcr_encoding=2'],
    ['bt601-full', 'quantization=1'],
    ['bt709-limited', 'colorspace=1'],
  ];
  for (const [colour, control] of colours)
    it(`reports the colour ${colour} of ${control}`, OPTIONS, async () => {
      const [name = '', value] = control.split('=');
      vivid.set(name, Number(value));
      assert.equal((await ready(start())).colour, colour);
    });

  it('reports that the times are those of the start of exposure', OPTIONS, async () => {
    vivid.set('timestamp_source', 1);
    assert.equal((await ready(start())).clock, 'soe');
  });

  it('takes the nearest size that the camera offers', OPTIONS, async () => {
    const { width, height, stride } = await ready(
      programs.start('--start-ms', '60000', vivid.device, '650x370', '15'),
    );
    assert.deepEqual([width, height, stride], ['640', '360', '1280']);
  });

  it('sends the first frame after a time, and frames in their order', OPTIONS, async () => {
    const camera = start();
    const askedNs = process.hrtime.bigint();
    const all = await frames(camera, 6);
    assert.ok(all.every(({ bytes }) => bytes.length === FRAME_BYTES));
    const times = [askedNs, ...all.map(({ ns }) => ns), process.hrtime.bigint()];
    assert.ok(times.every((ns, index) => index === 0 || ns > (times[index - 1] ?? 0n)));
    const sequences = all.map(({ sequence }) => sequence);
    assert.ok(sequences.every((sequence, index) => index === 0 || sequence > (sequences[index - 1] ?? 0)));
  });

  it('sends what the camera sees', OPTIONS, async () => {
    vivid.set('osd_text_mode', 2);
    vivid.set('test_pattern', 6);
    const white = await frameAfter(start(), process.hrtime.bigint());
    // Y, Cb, Y, Cr of white in the limited range; vivid rounds.
    for (const [index, value] of [235, 128, 235, 128].entries())
      assert.ok(
        Math.abs((white.bytes[index] ?? 0) - value) <= 2,
        `${white.bytes.subarray(0, 4).toString('hex')}`,
      );
  });

  it('keeps the newest frame for latest', OPTIONS, async () => {
    const camera = start();
    assert.match((await camera.send('latest')).line, /^error none /);
    const { ns } = await frameAfter(camera, process.hrtime.bigint());
    assert.ok((await latestFrame(camera)).ns >= ns);
  });

  it('cancels a waiting request for a newer one', OPTIONS, async () => {
    const camera = start();
    await ready(camera);
    const hour = process.hrtime.bigint() + 3_600_000_000_000n;
    const waiting = camera.start(`after ${hour}`);
    const frame = await frameAfter(camera, process.hrtime.bigint());
    assert.equal(frame.bytes.length, FRAME_BYTES);
    assert.match((await camera.answer(waiting)).line, /^error cancelled /);
  });

  it('sets controls before the stream, and reports those that it cannot set', OPTIONS, async () => {
    const wrong = ['contrast=999', 'no_such_control=1', 'read_only_integer_32_bits=5', 'gain=50'];
    const camera = start('brightness=77', 'hue=-12', ...wrong);
    await ready(camera);
    const unset = camera.lines().filter((line) => line.startsWith('unset '));
    assert.deepEqual(
      unset.map((line) => line.split(' ')[1]),
      ['contrast', 'no_such_control', 'read_only_integer_32_bits', 'gain'],
    );
    assert.deepEqual([vivid.get('brightness'), vivid.get('hue'), vivid.get('contrast')], [77, -12, 128]);
  });

  it('sets controls in their order', OPTIONS, async () => {
    const camera = start('gain_automatic=0', 'gain=50');
    await ready(camera);
    assert.deepEqual(
      camera.lines().filter((line) => line.startsWith('unset ')),
      [],
    );
    assert.equal(vivid.get('gain'), 50);
  });

  it('lists the controls while it streams', OPTIONS, async () => {
    const camera = start('brightness=200');
    await ready(camera);
    const controls = await camera.controls();
    assert.ok(controls.join('\n').length > 1_000);
    assert.ok(controls.includes('brightness 200 0 255 1 128 -'));
    assert.match(controls.join('\n'), /^read_only_integer_32_bits \d+ 0 255 1 0 r$/m);
    assert.match(controls.join('\n'), /^gain \d+ 0 255 1 100 i$/m);
    const list = execFileSync(sortbinCameraPath(), ['--list'], { encoding: 'utf8' });
    assert.equal(controls.length, list.split('\n').filter((text) => text.startsWith('control ')).length);
    assert.equal((await frames(camera, 2)).length, 2);
  });

  it('refuses malformed commands and goes on', OPTIONS, async () => {
    const camera = start();
    await ready(camera);
    camera.write('jump\n');
    assert.match((await camera.next('0 ')).line, /^0 error command /);
    assert.match((await camera.send('after soon')).line, /^error command /);
    assert.equal((await frames(camera, 1)).length, 1);
  });

  it('lists sizes, rates and controls, also while another program uses the camera', OPTIONS, async () => {
    await ready(start());
    const list = execFileSync(sortbinCameraPath(), ['--list'], { encoding: 'utf8' }).split('\n');
    assert.equal(list[0], `camera ${vivid.device} driver=vivid bus=${vivid.bus} card=vivid`);
    const size = list.find((line) => line.startsWith('size YUYV 640x360 ')) ?? '';
    assert.ok(size.split(' ').includes('15') && size.split(' ').includes('30'));
    assert.ok(list.includes('control brightness 128 0 255 1 128 -'));
    // vivid changes its value with each frame.
    assert.match(list.join('\n'), /^control read_only_integer_32_bits \d+ 0 255 1 0 r$/m);
    assert.equal(
      list.some((line) => line.includes('MJPG')),
      false,
    );
  });

  it('refuses the format of another program, and starts after one changed it', OPTIONS, async () => {
    v4l2Ctl(vivid.device, '--set-fmt-video=width=1280,height=720,pixelformat=NV12');
    const camera = start();
    assert.equal((await ready(camera)).width, '320');
    assert.match(v4l2Ctl(vivid.device, '--set-fmt-video=width=640,height=360'), /busy/);
    assert.ok((await frames(camera, 3)).every(({ bytes }) => bytes.length === FRAME_BYTES));
  });
});
