import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig } from '../../device/config/load.js';
import { messages } from './support.js';

const parse = (text: string) => parseConfig(text, 'sortbin.yaml');

describe('a section without keys', () => {
  it('has all defaults, at every depth', () => {
    const empty = `bin:
#  id: hall
camera:
fill:
mqtt:
  embedded:
#    port: 1884
  backoff:
journal: { frames: }
gate: { driver: lines, passive: [paper], compartments: }
`;
    const defaults = 'gate: { driver: lines, passive: [paper] }';
    assert.deepEqual(parse(empty), parse(defaults));
  });

  it('stays null if its key may be null', () => {
    const { panel, policy } = parse('panel: { light: }\npolicy: { compartments: }\n');
    assert.deepEqual([panel.light, policy.compartments], [null, null]);
  });

  it('is still refused for other types, and for a mapping with required keys', () => {
    assert.deepEqual(messages('dataDir:\n'), [
      'dataDir: null is not allowed. Use a path of 1 to 4096 characters.',
    ]);
    assert.equal(messages('panel: { ready: [ { output: } ] }\n').length, 1);
  });
});

describe('a control character', () => {
  for (const [key, yaml] of [
    ['dataDir', 'dataDir: "a\\0b"'],
    ['bin.name', 'bin: { name: "a\\tb" }'],
    ['model.bundle', 'model: { bundle: "a\\x7f" }'],
    ['mqtt.username', 'mqtt: { username: "a\\nb" }'],
    ['camera.folder', 'camera: { folder: "a\\0" }'],
    ['vision.edgetpu.library', 'vision: { edgetpu: { library: "a\\0" } }'],
    ['policy.refuse[0]', 'policy: { refuse: ["a\\e"] }'],
  ] as const)
    it(`is refused in ${key}`, () => {
      const [message = '', ...others] = messages(yaml);
      assert.ok(message.startsWith(`${key}: "a`), message);
      assert.match(message, /is not allowed\. Use text without control characters\.$/);
      assert.deepEqual(others, []);
    });

  it('is refused in a password, which is not shown', () => {
    assert.deepEqual(messages('mqtt: { username: u, password: "geheim\\0" }'), [
      'mqtt.password: *** is not allowed. Use text without control characters.',
    ]);
  });

  it('is refused in the URL of the broker', () => {
    for (const url of ['mqtt://host/a\\0', 'mqtt://ho\\0st'])
      assert.match(messages(`mqtt: { url: "${url}" }`)[0] ?? '', /^mqtt\.url: .* is not allowed/);
  });
});
