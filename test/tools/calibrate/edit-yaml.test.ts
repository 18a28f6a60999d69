import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Change } from '../../../device/tools/calibrate/calibrate.js';
import { changesAsYaml, editYaml } from '../../../device/tools/calibrate/edit-yaml.js';
import { GLASS, HOME, OUTPUTS, onMs, POINT, parse, pulse, TEXT } from './yaml-samples.js';

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
  });

  it('fills an empty section, and keeps its comments', () => {
    const home = (text: string) => editYaml(text, [HOME]);
    assert.equal(home('gate:\n'), 'gate:\n  homePulseUs: 1480\n');
    assert.equal(home('gate:'), 'gate:\n  homePulseUs: 1480\n');
    assert.equal(
      home('gate: # mine\r\n  # moveMs: 5\r\nbin: {}\r\n'),
      'gate: # mine\r\n  homePulseUs: 1480\r\n  # moveMs: 5\r\nbin: {}\r\n',
    );
    assert.equal(home('gate: null # mine\n'), 'gate: { homePulseUs: 1480 } # mine\n');
    assert.equal(home('{ gate: , bin: {} }'), '{ gate: { homePulseUs: 1480 }, bin: {} }');
    assert.equal(
      editYaml('gate:\n  compartments:\n', [HOME, GLASS]),
      'gate:\n  homePulseUs: 1480\n  compartments:\n    glass: { degrees: -12.3 }\n',
    );
  });

  it('returns the changes as a separate YAML text', () => {
    const fragment = changesAsYaml([HOME, GLASS]);
    assert.equal(fragment, 'gate:\n  homePulseUs: 1480\n  compartments:\n    glass:\n      degrees: -12.3\n');
  });
});
