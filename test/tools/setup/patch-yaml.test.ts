import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { patchYaml } from '../../../device/tools/setup/patch-yaml.js';

const TEXT = `# the bin of the hall
bin:
  id: hall   # on the label
  # the name on the display
  name: Hall

gate:
  driver: lines
  # slow, the flap is heavy
  retries: 3
  compartments:
    paper: { output: { chip: a, offset: 17 }, onMs: 350 } # measured
    glass:
      output: { line: GPIO27 }
# at the end
mqtt: {url: 'mqtt://a', username: u, password: p}
`;

describe('patchYaml', () => {
  it('changes a value, and keeps comments and all other sections', () => {
    assert.equal(patchYaml(TEXT, { bin: { id: 'yard' } }), TEXT.replace('id: hall  ', 'id: yard'));
  });

  it('returns the same text if each value is present', () => {
    const patch = { bin: { id: 'hall' }, gate: { driver: 'lines', retries: 3 }, mqtt: { url: 'mqtt://a' } };
    assert.equal(patchYaml(TEXT, patch), TEXT);
    assert.equal(patchYaml(TEXT, { camera: {}, policy: { compartments: null } }), TEXT);
  });

  it('adds sections, with a line break before them', () => {
    assert.equal(
      patchYaml('dataDir: d', { bin: { id: 'a' }, gate: { driver: 'lines', passive: ['x', 'y'] } }),
      'dataDir: d\nbin:\n  id: a\ngate:\n  driver: lines\n  passive: [ x, y ]\n',
    );
    assert.equal(patchYaml('', { dataDir: '/var/lib/sortbin' }), 'dataDir: /var/lib/sortbin\n');
  });

  it('fills an empty section above its comments', () => {
    assert.equal(
      patchYaml('gate:\n  # driver: lines\nbin: {}\n', { gate: { driver: 'servo' } }),
      'gate:\n  driver: servo\n  # driver: lines\nbin: {}\n',
    );
  });

  it('removes a key with null, and a section that becomes empty', () => {
    const text = patchYaml(TEXT, {
      mqtt: { url: null, username: null, password: null },
      bin: { name: null },
    });
    assert.match(text, /# at the end\n$/);
    assert.doesNotMatch(text, /mqtt|name: Hall/);
    assert.equal(patchYaml('a: 1\nmqtt: { url: x } # old\nb: 2\n', { mqtt: { url: null } }), 'a: 1\nb: 2\n');
  });

  it('removes the keys of the old driver', () => {
    const text = patchYaml(TEXT, { gate: { driver: 'simulated' } });
    assert.match(text, /\ngate:\n {2}driver: simulated\n# at the end\nmqtt: \{url/);
  });

  it('removes compartments that the patch does not name, and keeps the values of the others', () => {
    const compartments = { paper: { output: { line: 'GPIO17' } }, metal: { output: { line: 'GPIO22' } } };
    const text = patchYaml(TEXT, { gate: { driver: 'lines', compartments } });
    assert.match(text, /paper: \{ output: \{ line: GPIO17 \}, onMs: 350 \} # measured/);
    assert.match(text, /metal:\n {6}output:\n {8}line: GPIO22/);
    assert.doesNotMatch(text, /glass|chip/);
    assert.match(text, /# slow, the flap is heavy\n {2}retries: 3/);
  });

  it('replaces a pulse by an angle, and a password by its file', () => {
    const text = 'gate:\n  homePulseUs: 1500\nmqtt:\n  password: p\n';
    assert.equal(
      patchYaml(text, { gate: { homeDegrees: 0 }, mqtt: { passwordFile: 'f' } }),
      'gate:\n  homeDegrees: 0\nmqtt:\n  passwordFile: f\n',
    );
  });

  it('keeps the line breaks of Windows', () => {
    const text = 'bin:\r\n  id: a\r\nlog:\r\n  level: info\r\n';
    const expected = 'bin:\r\n  id: b\r\n  name: B\r\nlog:\r\n  level: info\r\ngate:\r\n  driver: lines\r\n';
    assert.equal(patchYaml(text, { bin: { id: 'b', name: 'B' }, gate: { driver: 'lines' } }), expected);
  });

  it('refuses a file in flow style, and a section with an alias of another section', () => {
    assert.throws(() => patchYaml('{ bin: { id: a } }', { bin: { id: 'b' } }), /not a block of keys/);
    const text = 'log: &l { level: info }\nbin: *l\n';
    assert.throws(() => patchYaml(text, { bin: { id: 'b' } }), /bin: an alias of another section.*by hand/);
  });
});
