import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { sortbinCameraPath } from '../../../../support/hardware/sortbin-camera.js';

const run = (...words: string[]) => spawnSync(sortbinCameraPath(), words, { encoding: 'utf8', input: '' });

describe('sortbin-camera without a camera', () => {
  const wrong: readonly [string, string[]][] = [
    ['no argument', []],
    ['no rate', ['/dev/video0', '640x480']],
    ['an unknown option', ['--jump', '1', '/dev/video0', '640x480', '15']],
    ['too few buffers', ['--buffers', '2', '/dev/video0', '640x480', '15']],
    ['an unknown format', ['--format', 'h264', '/dev/video0', '640x480', '15']],
    ['an option without a value', ['--skip']],
    ['an option with a value that is no number', ['--skip', '3x', '/dev/video0', '640x480', '15']],
    ['a relative path', ['video0', '640x480', '15']],
    ['an index above 255', ['256', '640x480', '15']],
    ['an index with a sign', ['-1', '640x480', '15']],
    ['a size without a height', ['/dev/video0', '640', '15']],
    ['a size above 65535', ['/dev/video0', '65536x480', '15']],
    ['a rate of 0', ['/dev/video0', '640x480', '0']],
    ['--list with an argument', ['--list', '/dev/video0']],
  ];
  for (const [what, words] of wrong) {
    it(`prints its usage and exits with 2 on ${what}`, () => {
      const { status, stdout, stderr } = run(...words);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /^usage: sortbin-camera --list\n/);
    });
  }

  it('lists the devices of this machine, if there are any', () => {
    const { status, stdout } = run('--list');
    assert.equal(status, 0);
    assert.match(stdout, /^((camera|size|control|error) .+\n)*$/);
  });

  const devices: readonly [string, (path: string) => Promise<void>, string][] = [
    ['a missing device', async () => {}, 'missing PATH: No such file or directory'],
    ['a file that is not a device', (path) => writeFile(path, ''), 'missing PATH: not a capture device'],
    ['a folder', async (path) => void (await mkdir(path)), 'missing PATH: Is a directory'],
  ];
  for (const [what, prepare, fault] of devices)
    it(`reports ${what} and exits with 1`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sortbin-camera-test-'));
      const path = join(folder, 'video0');
      try {
        await prepare(path);
        const { status, stdout } = run(path, '640x480', '15');
        assert.match(stdout, /^sortbin-camera 2 \d+\.\d+\.\d+\n/);
        assert.equal(stdout.split('\n')[1], `fault ${fault.replace('PATH', path)}`);
        assert.equal(status, 1);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
});
