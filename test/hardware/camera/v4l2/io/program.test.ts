import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SortbinCameraProcess, sortbinCameraPath } from '../../../../support/hardware/sortbin-camera.js';

/** Runs a test with a device path that does not exist. */
const withoutDevice = async (test: (camera: SortbinCameraProcess, path: string) => Promise<void>) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-camera-test-'));
  const path = join(folder, 'video0');
  const camera = new SortbinCameraProcess([path, '640x480', '15']);
  try {
    assert.match((await camera.next('sortbin-camera')).line, /^sortbin-camera 1 \d+\.\d+\.\d+$/);
    await test(camera, path);
  } finally {
    camera.child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
};

describe('sortbin-camera', () => {
  const wrong: readonly [string, string[], RegExp][] = [
    ['no argument', [], /DEVICE, WIDTHxHEIGHT and FPS are required/],
    ['an unknown option', ['--jump', '1', '0', '640x480', '15'], /an option is wrong/],
    ['too few buffers', ['--buffers', '2', '0', '640x480', '15'], /buffers is 3 to 32/],
    ['an unknown format', ['--format', 'h264', '0', '640x480', '15'], /format mjpeg or yuyv/],
    ['an option without a value', ['--skip'], /DEVICE, WIDTHxHEIGHT and FPS are required/],
    ['a relative path', ['video0', '640x480', '15'], /absolute path or an index/],
    ['a path that is too long', [`/${'a'.repeat(300)}`, '640x480', '15'], /absolute path or an index/],
    ['an index above 255', ['256', '640x480', '15'], /absolute path or an index/],
    ['a size without a height', ['0', '640', '15'], /WIDTHxHEIGHT/],
    ['a rate of 0', ['0', '640x480', '0'], /FPS is 1 to 1000/],
    ['a control without a value', ['0', '640x480', '15', 'gain'], /<name>=<value>/],
    ['a control with another name', ['0', '640x480', '15', 'White Balance=1'], /<name>=<value>/],
    ['a value above 32 bits', ['0', '640x480', '15', 'gain=2147483648'], /32 bits/],
    ['too many controls', ['0', '640x480', '15', ...Array(33).fill('gain=1')], /more than 32 controls/],
    ['--list with an argument', ['--list', '0'], /an option is wrong|are required/],
  ];
  for (const [what, words, expected] of wrong) {
    it(`prints its usage and exits with 2 on ${what}`, () => {
      const { status, stdout, stderr } = spawnSync(sortbinCameraPath(), words, { encoding: 'utf8' });
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, expected);
      assert.match(stderr, /\nusage: sortbin-camera --list\n/);
    });
  }

  it('lists the devices of this machine, if there are any', () => {
    const { status, stdout } = spawnSync(sortbinCameraPath(), ['--list'], { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.match(stdout, /^((camera|size|control|error) .+\n)*$/);
  });

  it('reports a missing device once, and tries again', () =>
    withoutDevice(async (camera, path) => {
      assert.equal(
        (await camera.next('fault')).line,
        `fault missing ${path}: open: No such file or directory`,
      );
      await writeFile(path, '');
      // The next line of this kind comes from a further attempt. The attempts before it sent nothing.
      assert.equal((await camera.next('fault')).line, `fault missing ${path}: not a capture device`);
      await rm(path);
      assert.match((await camera.next('fault')).line, /No such file/);
      assert.deepEqual(camera.lines(), []);
    }));

  it('refuses a folder as the device', async () => {
    const camera = new SortbinCameraProcess([tmpdir(), '640x480', '15']);
    assert.match((await camera.next('fault')).line, /^fault missing .*: open: Is a directory$/);
    assert.equal(await camera.end(), 0);
  });

  it('lets the newest after wait while the device is missing', () =>
    withoutDevice(async (camera) => {
      const first = camera.start('after 0');
      const second = camera.start('after 9223372036854775807');
      assert.equal((await camera.answer(first)).line, 'error cancelled a newer after replaced it');
      camera.start('after 5');
      assert.equal((await camera.answer(second)).line, 'error cancelled a newer after replaced it');
      assert.equal(await camera.end(), 0);
      assert.ok(camera.lines().every((line) => line.startsWith('fault missing')));
    }));

  it('answers the other commands with the fault while the device is missing', () =>
    withoutDevice(async (camera, path) => {
      await camera.next('fault');
      for (const command of ['latest', 'controls', 'set gain=-5'])
        assert.equal(
          (await camera.send(command)).line,
          `error down ${path}: open: No such file or directory`,
        );
    }));

  it('refuses malformed lines and continues', () =>
    withoutDevice(async (camera) => {
      await camera.next('fault');
      const lines: readonly [string, string][] = [
        ['', '0 error command it does not begin with a number'],
        ['latest', '0 error command it does not begin with a number'],
        ['4294967296 latest', '0 error command it does not begin with a number'],
        ['-1 latest', '0 error command it does not begin with a number'],
        ['7', '7 error command there is no such command'],
        ['7 ', '7 error command there is no such command'],
        ['7 jump', '7 error command there is no such command'],
        ['7 latest now', '7 error command there is no such command'],
        ['7  latest', '7 error command there is no such command'],
        ['7 after', '7 error command the time is wrong'],
        ['7 after -1', '7 error command the time is wrong'],
        ['7 after 9223372036854775808', '7 error command the time is wrong'],
        ['7 after 1 2', '7 error command the time is wrong'],
        ['7 set', '7 error command there is no such command'],
        ['7 set gain', '7 error command a control is <name>=<value>, with a name of a-z 0-9 _'],
        [
          `7 set ${'g'.repeat(32)}=1`,
          '7 error command a control is <name>=<value>, with a name of a-z 0-9 _',
        ],
        ['7 set gain=1.5', '7 error command the value of a control is a whole number of 32 bits'],
        ['7 lat\0est', '0 error command it holds a zero byte'],
        [`7 set ${'g'.repeat(300)}=1`, '0 error command it is too long'],
        ['9'.repeat(100_000), '0 error command it is too long'],
      ];
      for (const [line, expected] of lines) {
        camera.write(`${line}\n`);
        assert.equal((await camera.next(expected.slice(0, 2))).line, expected);
      }
      assert.match((await camera.send('latest')).line, /^error down /);
    }));

  it('accepts commands in any pieces', () =>
    withoutDevice(async (camera) => {
      await camera.next('fault');
      for (const piece of ['41 la', 'test\n42 controls\n4', '3 latest\n']) {
        camera.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      for (const id of [41, 42, 43]) assert.match((await camera.answer(id)).line, /^error down /);
    }));

  it('exits with 0 at the end of its input, also within a line', () =>
    withoutDevice(async (camera) => {
      camera.write('1 lat');
      assert.equal(await camera.end(), 0);
    }));

  it('exits with 1 if its output is not read', () =>
    withoutDevice(async (camera) => {
      camera.child.stdout?.pause();
      camera.write('1 latest\n'.repeat(100_000));
      assert.equal(await camera.exited(), 1);
    }));
});
