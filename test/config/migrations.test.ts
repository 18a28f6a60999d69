import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigWarning, parseConfig, warningText } from '../../device/config/load.js';
import { ConfigError } from '../../device/config/problems.js';

const OLD = `person:
  refusedMs: 1000
fill:
  driver: ultrasonic
  gauges: { paper: { trig: { line: A }, echo: { line: B } } }
gate:
  driver: lines
  rest: [residual]
`;

const NEW = OLD.replace('person', 'panel').replace('gauges', 'sensors').replace('rest', 'passive');

const parse = (text: string) => {
  const renamed: ConfigWarning[] = [];
  const config = parseConfig(text, 'sortbin.yaml', (key) => renamed.push(key));
  return { config, renamed, warnings: renamed.map((key) => warningText('sortbin.yaml', key)) };
};

const problemsOf = (text: string): string => {
  try {
    parseConfig(text, 'sortbin.yaml');
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.message;
    throw thrown;
  }
  return '';
};

test('accepts the old names of keys, with a warning that names the line and the new name', () => {
  const old = parse(OLD);
  assert.deepEqual(old.config, parse(NEW).config);
  assert.deepEqual(old.warnings, [
    'sortbin.yaml:1: warning: person has the new name panel. Rename it: the next release refuses the old name.',
    'sortbin.yaml:5: warning: fill.gauges has the new name fill.sensors. Rename it: the next release refuses the old name.',
    'sortbin.yaml:8: warning: gate.rest has the new name gate.passive. Rename it: the next release refuses the old name.',
  ]);
});

test('does not warn about the new names', () => {
  assert.deepEqual(parse(NEW).warnings, []);
});

test('refuses an old name beside the new one', () => {
  assert.equal(
    problemsOf('gate: { driver: lines, rest: [residual], passive: [trash] }'),
    'sortbin.yaml:1: gate.rest: this is the old name of gate.passive, which is present too. Keep only gate.passive.',
  );
});

test('reports an old name beside the new one together with all other problems, by line', () => {
  assert.deepEqual(
    problemsOf('x: 1\nperson: {}\npanel: { refusedMs: 1 }\n')
      .split('\n')
      .map((problem) => problem.slice(0, 38)),
    [
      'sortbin.yaml:1: x: unknown key. Allowe',
      'sortbin.yaml:2: person: this is the ol',
      'sortbin.yaml:3: panel.refusedMs: 1 is ',
    ],
  );
});

test('names the key and the line of a problem as the file does', () => {
  assert.match(
    problemsOf('\nperson:\n  refusedMs: 1\n'),
    /^sortbin\.yaml:3: person\.refusedMs: 1 is not allowed/,
  );
});

test('leaves a mapping that an alias shares as it is', () => {
  const { config } = parse('gate: &gate { driver: lines, rest: [residual] }\nperson: { refusedMs: 500 }\n');
  assert.equal(config.panel.refusedMs, 500);
  assert.deepEqual('passive' in config.gate && config.gate.passive, ['residual']);
});
