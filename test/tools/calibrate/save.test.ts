import assert from 'node:assert/strict';
import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../../device/config/load.js';
import { initText } from '../../../device/config/reference.js';
import type { Change } from '../../../device/tools/calibrate/calibrate.js';
import { changesAsYaml, editYaml } from '../../../device/tools/calibrate/edit-yaml.js';
import { confirmAndSave, saveChanges } from '../../../device/tools/calibrate/save.js';
import { Keys, ScreenInMemory } from './support.js';

const parse = (text: string) => parseConfig(text, 'sortbin.yaml');

const pulse = (name: string, from: number, to: number): Change => ({
  path: ['gate', 'compartments', name, 'pulseUs'],
  from,
  to,
});
const HOME: Change = { path: ['gate', 'homePulseUs'], from: 1500, to: 1480 };

const TEXT = `# the bin in the hall
mqtt: {url:   null}   # none

gate:  # turntable
    # what it is
    driver:   "servo"
    calibration: { fromDegrees: -90, toDegrees: 90, fromUs: 600, toUs: 2400 } # by protractor
    compartments:
        paper: {pulseUs: 0x3E8 , end: null}   # left


        # the right one
        glass:
            end: null
            degrees:   4.5e1
        packaging: { pulseUs: 1500 }
`;

const OUTPUTS = `gate:
  driver: lines
  compartments:
    # the left one
    paper:
      output: { chip: a } # coil A

    glass: { output: { chip: a, offset: 1 } }
`;

const onMs = (name: string, to: number): Change => ({
  path: ['gate', 'compartments', name, 'onMs'],
  from: 400,
  to,
});

const GLASS = { path: ['gate', 'compartments', 'glass', 'degrees'], from: 45, to: -12.3 } satisfies Change;
const POINT: Change = { path: ['gate', 'calibration', 'toUs'], from: 2400, to: 2380 };

describe('editYaml', () => {
  it('keeps comments, order and spaces when it replaces and inserts values', () => {
    const changes = [HOME, pulse('paper', 1000, 1012), GLASS, POINT];
    const expected = TEXT.replace('# turntable\n', '# turntable\n    homePulseUs: 1480\n')
      .replace('0x3E8', '1012')
      .replace('4.5e1', '-12.3')
      .replace('2400', '2380');
    assert.equal(editYaml(TEXT, changes), expected);
    const { gate } = parse(expected);
    assert.ok(gate.driver === 'servo');
    assert.deepEqual([gate.homePulseUs, gate.compartments.glass], [1480, { degrees: -12.3, end: null }]);
    // The same with Windows line ends.
    const windows = TEXT.replaceAll('\n', '\r\n');
    assert.equal(editYaml(windows, changes), expected.replaceAll('\n', '\r\n'));
  });

  it('inserts a missing value at the beginning of its mapping', () => {
    const expected = OUTPUTS.replace('paper:\n', 'paper:\n      onMs: 350\n').replace(
      'glass: { ',
      'glass: { onMs: 320, ',
    );
    assert.equal(editYaml(OUTPUTS, [onMs('paper', 350), onMs('glass', 320)]), expected);
    assert.equal(editYaml('gate: {} # none\n', [HOME]), 'gate: { homePulseUs: 1480 } # none\n');
  });

  it('inserts missing mappings and parts, and keeps the order of their values', () => {
    const control = (name: string, to: number): Change => ({
      path: ['camera', 'controls', name],
      from: null,
      to,
    });
    const changes = [control('auto_exposure', 1), control('exposure_time_absolute', 157)];
    const latency: Change = { path: ['camera', 'latencyMs'], from: null, to: 40 };
    const controls = '{ auto_exposure: 1, exposure_time_absolute: 157 }';
    assert.equal(
      editYaml('camera:\n  driver: v4l2 # USB\n', [...changes, latency]),
      `camera:\n  controls: ${controls}\n  latencyMs: 40\n  driver: v4l2 # USB\n`,
    );
    assert.equal(
      editYaml('camera: { driver: v4l2, controls: { gain: 3 } }\n', changes),
      'camera: { driver: v4l2, controls: { auto_exposure: 1, exposure_time_absolute: 157, gain: 3 } }\n',
    );
    const device = '/dev/v4l/by-id/usb-046d_HD_Pro: Webcam';
    const driver: Change = { path: ['camera', 'driver'], from: 'simulated', to: 'v4l2' };
    const added = editYaml('# hall', [driver, { path: ['camera', 'device'], from: null, to: device }]);
    assert.equal(added, `# hall\ncamera: { driver: v4l2, device: "${device}" }\n`);
  });

  it('replaces a word by a mapping, and inserts a mapping, each in one line', () => {
    const exposure: Change = {
      path: ['camera', 'exposure'],
      from: 'auto',
      to: { shutterUs: 8000, gain: 2.5 },
    };
    const focus: Change = { path: ['camera', 'focus'], from: 'auto', to: { dioptres: 4.5 } };
    assert.equal(
      editYaml('camera:\n  # by hand\n  exposure: auto # for now\n  driver: rpicam\n', [exposure, focus]),
      'camera:\n  focus: { dioptres: 4.5 }\n  # by hand\n  exposure: { shutterUs: 8000, gain: 2.5 } # for now\n  driver: rpicam\n',
    );
    assert.equal(
      editYaml('camera: { driver: rpicam, exposure: auto }\n', [exposure, focus]),
      'camera: { focus: { dioptres: 4.5 }, driver: rpicam, exposure: { shutterUs: 8000, gain: 2.5 } }\n',
    );
    assert.equal(
      editYaml('bin: {}\n', [exposure]),
      'bin: {}\ncamera: { exposure: { shutterUs: 8000, gain: 2.5 } }\n',
    );
    assert.equal(changesAsYaml([exposure]), 'camera:\n  exposure:\n    shutterUs: 8000\n    gain: 2.5\n');
  });

  it('changes the given values and no others', () => {
    const found = fc.record({
      home: fc.integer({ min: 500, max: 2_500 }),
      paper: fc.integer({ min: 500, max: 2_500 }),
      glass: fc.integer({ min: -900, max: 900 }).map((tenths) => tenths / 10),
      toUs: fc.integer({ min: 601, max: 2_400 }),
    });
    fc.assert(
      fc.property(found, fc.subarray(['home', 'paper', 'glass', 'toUs'], { minLength: 1 }), (to, names) => {
        const all = {
          home: { ...HOME, to: to.home },
          paper: pulse('paper', 1000, to.paper),
          glass: { ...GLASS, to: to.glass },
          toUs: { ...POINT, to: to.toUs },
        };
        const changed = Object.entries(all).filter(([name]) => names.includes(name));
        const { gate: before, ...restBefore } = parse(TEXT);
        const { gate, ...rest } = parse(
          editYaml(
            TEXT,
            changed.map(([, change]) => change),
          ),
        );
        assert.ok(gate.driver === 'servo' && before.driver === 'servo');
        assert.deepEqual(rest, restBefore);
        const now = (name: keyof typeof all) => (names.includes(name) ? all[name].to : all[name].from);
        assert.deepEqual(gate, {
          ...before,
          homePulseUs: now('home'),
          calibration: { ...before.calibration, toUs: now('toUs') },
          compartments: {
            ...before.compartments,
            paper: { pulseUs: now('paper'), end: null },
            glass: { degrees: Number(now('glass')) + 0, end: null },
          },
        });
      }),
    );
  });

  it('refuses to insert a value into an alias or a missing mapping', () => {
    const text = 'gate:\n  driver: servo\n  compartments: { paper: &way { end: null }, glass: *way }\n';
    assert.throws(
      () => editYaml(text, [pulse('glass', 1500, 1)]),
      /^Error: gate\.compartments\.glass\.pulseUs: the file has no mapping/,
    );
    assert.throws(() => editYaml('gate:\n', [HOME]), /^Error: gate\.homePulseUs: the file has no mapping/);
  });

  it('returns the changes as a separate YAML text', () => {
    const fragment = changesAsYaml([HOME, GLASS]);
    assert.equal(fragment, 'gate:\n  homePulseUs: 1480\n  compartments:\n    glass:\n      degrees: -12.3\n');
  });
});

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
