import assert from 'node:assert/strict';
import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { initText } from '../../../device/config/reference.js';
import type { Change } from '../../../device/tools/calibrate/calibrate.js';
import { editYaml } from '../../../device/tools/calibrate/edit-yaml.js';
import { confirmAndSave, saveChanges } from '../../../device/tools/calibrate/save.js';
import { Keys, ScreenInMemory } from './support.js';
import { HOME, OUTPUTS, onMs, parse, pulse, TEXT } from './yaml-samples.js';

const inFile = async (test: TestContext, text: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-save-'));
  test.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'sortbin.yaml');
  await writeFile(file, text);
  return { file, folder };
};

describe('saveChanges', () => {
  it('writes the file with its mode, and keeps the old file', async (test) => {
    const { file, folder } = await inFile(test, TEXT);
    await chmod(file, 0o640);
    await saveChanges({ file, changes: [HOME], parse });
    assert.equal(await readFile(file, 'utf8'), editYaml(TEXT, [HOME]));
    assert.equal(await readFile(`${file}.bak`, 'utf8'), TEXT);
    for (const path of [file, `${file}.bak`]) assert.equal((await stat(path)).mode & 0o777, 0o640);
    assert.deepEqual((await readdir(folder)).sort(), ['sortbin.yaml', 'sortbin.yaml.bak']);
  });

  it('makes a file private that contains a password and that all users can read', async (test) => {
    const { file } = await inFile(test, TEXT.replace('{url:   null}', '{ username: u, password: p }'));
    await chmod(file, 0o644);
    await saveChanges({ file, changes: [HOME], parse });
    for (const path of [file, `${file}.bak`]) assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  it('writes the target of a symbolic link, and keeps the link', async (test) => {
    const { file, folder } = await inFile(test, TEXT);
    const link = join(folder, 'link.yaml');
    await symlink(file, link);
    await saveChanges({ file: link, changes: [HOME], parse });
    assert.ok((await lstat(link)).isSymbolicLink());
    assert.equal(await readFile(file, 'utf8'), editYaml(TEXT, [HOME]));
  });

  it('adds a part that the file does not have, with another driver', async (test) => {
    const { file } = await inFile(test, '# hall\nbin: { id: hall }\n');
    const changes: Change[] = [
      { path: ['camera', 'driver'], from: 'simulated', to: 'v4l2' },
      { path: ['camera', 'device'], from: null, to: '/dev/video2' },
      { path: ['camera', 'latencyMs'], from: null, to: 40 },
    ];
    await saveChanges({ file, changes, parse });
    assert.equal(
      await readFile(file, 'utf8'),
      '# hall\nbin: { id: hall }\ncamera: { driver: v4l2, device: /dev/video2, latencyMs: 40 }\n',
    );
  });

  describe('with another driver of a part that exists', () => {
    const changes: Change[] = [
      { path: ['camera', 'driver'], from: 'simulated', to: 'v4l2' },
      { path: ['camera', 'device'], from: null, to: '/dev/video2' },
      { path: ['camera', 'controls', 'gain'], from: null, to: 3 },
    ];
    const added = '  device: /dev/video2\n  controls: { gain: 3 }\n';
    const cases: readonly [string, string, string][] = [
      [
        'a block',
        `# bin
camera: # of the hall
  # how long
  # a capture takes
  delayMs: 20 # ms
  # the driver

  driver: simulated # for now
  script:
    - hang: true
    - { stale: true } # old
  # the images
  folder: null

# the gate
gate: {}
`,
        `# bin
camera: # of the hall
${added}  # the driver

  driver: v4l2 # for now

# the gate
gate: {}
`,
      ],
      ['a block without a driver', 'camera:\n  delayMs: 5\n', `camera:\n${added}  driver: v4l2\n`],
      [
        'a block without a line end',
        'camera:\n  driver: simulated\n  delayMs: 5',
        `camera:\n${added}  driver: v4l2\n`,
      ],
      [
        'one line',
        'camera: { delayMs: 5, script: [] } # hall\n',
        'camera: { device: /dev/video2, controls: { gain: 3 }, driver: v4l2 } # hall\n',
      ],
      ['no keys', 'camera: {}\n', 'camera: { device: /dev/video2, controls: { gain: 3 }, driver: v4l2 }\n'],
    ];
    for (const [form, before, after] of cases)
      it(`replaces the keys of the old driver in ${form}, and keeps all other comments`, async (test) => {
        const { file } = await inFile(test, before);
        await saveChanges({ file, changes, parse });
        assert.equal(await readFile(file, 'utf8'), after);
        assert.equal(await readFile(`${file}.bak`, 'utf8'), before);
      });

    it('changes a file that config init wrote', async (test) => {
      const { file } = await inFile(test, initText());
      await saveChanges({ file, changes, parse });
      const { camera, ...rest } = parse(await readFile(file, 'utf8'));
      assert.ok(camera.driver === 'v4l2');
      assert.deepEqual([camera.device, camera.controls], ['/dev/video2', { gain: 3 }]);
      const { camera: _, ...restBefore } = parse(initText());
      assert.deepEqual(rest, restBefore);
    });
  });

  const wrong: readonly [string, string, Change, RegExp][] = [
    [
      'if the driver was changed meanwhile',
      'camera: { driver: rpicam }\n',
      { path: ['camera', 'driver'], from: 'simulated', to: 'v4l2' },
      /camera\.driver: the value is no longer simulated/,
    ],
    ['if the result is invalid', TEXT, { ...HOME, to: 50_000 }, /gate\.homePulseUs: 50000 is not allowed/],
    [
      'if another value uses the same anchor',
      TEXT.replace('"servo"\n', '"servo"\n    homePulseUs: &p 1500\n').replace(' 1500 }', ' *p }'),
      HOME,
      /The edit would change other values too/,
    ],
    [
      'if the value was changed meanwhile',
      TEXT,
      { ...HOME, from: 1400 },
      /homePulseUs: the value is no longer 1400/,
    ],
    [
      'if the mapping does not exist',
      OUTPUTS.replace('{ output: ', '&a { output: ').concat('    residual: *a\n'),
      onMs('residual', 1),
      /the file has no mapping/,
    ],
  ];
  for (const [when, text, change, message] of wrong)
    it(`does not change the file ${when}`, async (test) => {
      const { file, folder } = await inFile(test, text);
      await assert.rejects(saveChanges({ file, changes: [change], parse }), {
        code: 'calibrate-file',
        message,
      });
      assert.equal(await readFile(file, 'utf8'), text);
      assert.deepEqual(await readdir(folder), ['sortbin.yaml']);
    });
});

describe('confirmAndSave', () => {
  const ask = async (keys: Keys, changes: readonly Change[], write: () => Promise<void> = async () => {}) => {
    const screen = new ScreenInMemory();
    let times = 0;
    const save = () => {
      times += 1;
      return write();
    };
    const ended = confirmAndSave({ changes, file: 'bin.yaml', keys, screen, save });
    await ended.catch(() => {});
    return { screen, ended, times };
  };
  const pressKeys = (...keys: string[]) => {
    const pressed = new Keys();
    pressed.press(...keys);
    pressed.end();
    return pressed;
  };

  it('shows the changes, and saves them after a yes, but ignores repeats of another key', async () => {
    const { screen, times } = await ask(pressKeys(' ', ' ', 'enter', 'y'), [
      HOME,
      pulse('paper', 1000, 1012),
    ]);
    assert.deepEqual(screen.printed, [
      '  gate.homePulseUs                 1500 -> 1480',
      '  gate.compartments.paper.pulseUs  1000 -> 1012',
      'Write these values to bin.yaml, and keep the old file as bin.yaml.bak? y/n',
      'bin.yaml written',
    ]);
    assert.equal(times, 1);
  });

  for (const keys of [['n', 'y'], ['ctrl-c', 'y'], []])
    it(`saves nothing after ${keys[0] ?? 'the end of the terminal'}, and shows the YAML`, async () => {
      const { screen, times } = await ask(pressKeys(...keys), [HOME]);
      assert.equal(times, 0);
      assert.deepEqual(screen.printed.slice(-2), ['gate:', '  homePulseUs: 1480']);
    });

  it('shows the YAML if the file cannot be written', async () => {
    const { screen, ended } = await ask(pressKeys('y'), [HOME], () => Promise.reject(new Error('disk full')));
    await assert.rejects(ended, /disk full/);
    assert.equal(screen.printed.at(-1), '  homePulseUs: 1480');
  });

  it('does not ask if nothing changed', async () => {
    const { screen, times } = await ask(pressKeys('y'), []);
    assert.deepEqual([screen.printed, times], [['No value was changed.'], 0]);
  });
});
