import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type SortbinCameraProcess, sortbinCameraPath } from '../support/hardware/sortbin-camera.js';
import { faultOf, frameAfter, frames, PICTURE, ready, useVivid } from './guest/camera-programs.js';
import { HeldCamera } from './guest/v4l2-ctl.js';
import { Vivid } from './guest/vivid.js';

const OPTIONS = { timeout: 120_000 };
const SUITE = { timeout: 1_200_000 };
const TIMES = ['--freeze-ms', '3000', '--start-ms', '30000'];

describe('sortbin-camera, if the camera fails', SUITE, () => {
  const { vivid, programs, start: startProgram } = useVivid();
  const start = (...options: string[]) => startProgram([...TIMES, ...options]);
  const streaming = async (...more: string[]) => {
    const camera = start(...more);
    await ready(camera);
    return camera;
  };
  /** A camera that works again delivers to the next program. */
  const works = async () => assert.equal((await frames(await streaming(), 2)).length, 2);

  it('reports that it is frozen', OPTIONS, async () => {
    const camera = await streaming();
    vivid.freeze(true);
    assert.equal((await faultOf(camera)).code, 'frozen');
    assert.equal((await faultOf(start('--start-ms', '2000'))).code, 'frozen');
    vivid.freeze(false);
    await works();
  });

  it('reports a broken stream', OPTIONS, async () => {
    const camera = await streaming();
    vivid.set('inject_fatal_streaming_error', 1);
    assert.equal((await faultOf(camera)).code, 'failed');
    await works();
  });

  it('goes on after a buffer with an error', OPTIONS, async () => {
    const camera = await streaming();
    vivid.set('inject_v4l2_buf_flag_error', 1);
    assert.equal((await frames(camera, 4)).length, 4);
  });

  for (const call of ['reqbufs', 'qbuf', 'streamon'])
    it(`reports that ${call} failed`, OPTIONS, async () => {
      vivid.set(`inject_vidioc_${call}_error`, 1);
      const { code, text } = await faultOf(start());
      assert.equal(code, 'failed');
      assert.match(text, new RegExp(`VIDIOC_${call}`, 'i'));
      await works();
    });

  it('reports a disconnected camera', OPTIONS, async () => {
    const camera = await streaming();
    vivid.set('disconnect', 1);
    assert.equal((await faultOf(camera)).code, 'missing');
    await works();
  });

  it('reports an unplugged camera, also one that is not plugged in', OPTIONS, async () => {
    const camera = await streaming();
    vivid.unplug();
    assert.equal((await faultOf(camera)).code, 'missing');
    assert.equal((await faultOf(start())).code, 'missing');
    vivid.plug();
    await works();
  });

  it('reports a frozen camera that is unplugged', OPTIONS, async () => {
    const camera = await streaming('--freeze-ms', '60000');
    vivid.freeze(true);
    vivid.unplug();
    assert.equal((await faultOf(camera)).code, 'missing');
    vivid.plug();
    await works();
  });

  it('reports a camera that another program uses', OPTIONS, async () => {
    const holder = await HeldCamera.hold(vivid.device);
    try {
      assert.equal((await faultOf(start())).code, 'busy');
    } finally {
      await holder.release();
    }
    await works();
  });

  it('reports that it may not open the camera', OPTIONS, async () => {
    chmodSync(vivid.device, 0o600);
    const child = spawn('setpriv', [
      '--reuid=65534',
      '--clear-groups',
      sortbinCameraPath(),
      vivid.device,
      ...PICTURE,
    ]);
    let output = '';
    child.stdout.on('data', (bytes) => {
      output += bytes;
    });
    const [code] = await once(child, 'close');
    assert.match(output, /^fault denied /m);
    assert.equal(code, 1);
  });

  it('leaves the camera free if it is killed', OPTIONS, async () => {
    const camera = await streaming();
    camera.child.kill('SIGKILL');
    await camera.exited();
    await works();
  });

  const moments: readonly [string, () => Promise<SortbinCameraProcess>][] = [
    ['at its start', async () => start()],
    ['while it streams', () => streaming()],
    [
      'while a request waits',
      async () => {
        const camera = await streaming();
        camera.start(`after ${process.hrtime.bigint() + 3_600_000_000_000n}`);
        return camera;
      },
    ],
    [
      'while the camera is frozen',
      async () => {
        const camera = await streaming('--freeze-ms', '600000');
        vivid.freeze(true);
        return camera;
      },
    ],
    [
      'before the first frame',
      async () => {
        vivid.freeze(true);
        return start('--start-ms', '600000');
      },
    ],
  ];
  for (const [moment, reach] of moments)
    it(`ends at the end of its input ${moment}`, OPTIONS, async () => {
      const camera = await reach();
      assert.equal(await camera.end(), 0);
      vivid.freeze(false);
      await works();
    });

  it('ends if the daemon reads no frame', OPTIONS, async () => {
    const camera = programs.start(...TIMES, vivid.device, '1280x720', '15');
    await frameAfter(camera, process.hrtime.bigint());
    camera.child.stdout?.pause();
    for (let count = 0; count < 10; count++) camera.start('latest');
    const [, signal] = await once(camera.child, 'exit');
    assert.equal(signal, 'SIGALRM');
    camera.child.stdout?.resume();
    await works();
  });
});

describe('sortbin-camera with an HDMI input', SUITE, () => {
  const { vivid, start: startProgram } = useVivid(new Vivid('hdmi'));
  const start = () => startProgram(['--freeze-ms', '20000', '--start-ms', '60000']);

  it('reports that the format of the source changed, and works again after a restart', OPTIONS, async () => {
    const camera = start();
    await ready(camera);
    vivid.setSignal(false);
    const { code, text } = await faultOf(camera);
    assert.deepEqual([code, text], ['failed', '/dev/video0: the source format changed']);
    vivid.setSignal(true);
    const next = start();
    await ready(next);
    assert.equal((await frames(next, 2)).length, 2);
  });
});
