import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { loadConfig, parseConfig } from '../../device/config/load.js';
import { ConfigError } from '../../device/config/problems.js';
import { refusal } from './support.js';

const SYNTAX: readonly (readonly [text: string, message: string])[] = [
  ['bin:\n  id: a\n  id: b\n', 'sortbin.yaml:3: column 3: Map keys must be unique'],
  ['bin:\n\tid: a\n', 'sortbin.yaml:2: column 1: Tabs are not allowed as indentation'],
  [
    'bin: { id: a\n',
    'sortbin.yaml:2: column 1: Flow map in block collection must be sufficiently indented and end with a }',
  ],
  [
    'bin: {}\n---\nlog: {}\n',
    'sortbin.yaml:2: column 1: A second YAML document is not allowed. Keep only one.',
  ],
  ['bin: {}\n[a]: 1\n', 'sortbin.yaml:2: column 1: A key is not a string. Use strings as keys.'],
  ['bin: !!js/function "x"\n', 'sortbin.yaml:1: column 6: Unresolved tag'],
  ['bin: *other\n', 'sortbin.yaml:1: column 6: An alias has no anchor before it. Define the anchor first.'],
  [
    'policy:\n  compartments:\n    __proto__: [x]\n',
    'sortbin.yaml:3: __proto__: not allowed as a key. Use another name.',
  ],
];

describe('refuses invalid YAML with line and column', () => {
  for (const [text, message] of SYNTAX)
    test(JSON.stringify(text), () => {
      const error = refusal(text);
      assert.equal(error.code, 'config-syntax');
      assert.equal(error.message, message);
    });
});

test('resolves anchors and aliases', () => {
  const { policy } = parseConfig('policy: { confidence: &least 0.6, margin: *least }', 'sortbin.yaml');
  assert.equal(policy.margin, 0.6);
});

test('refuses aliases that expand too much, and an alias inside its own anchor', () => {
  const bomb = Array.from({ length: 12 }, (_, n) => `k${n}: &k${n} [${n ? `*k${n - 1},`.repeat(8) : '1'}]`);
  const refused = refusal(bomb.join('\n'));
  assert.equal(refused.code, 'config-syntax');
  assert.equal(refused.message, 'sortbin.yaml: The aliases expand to too many values. Use fewer aliases.');
  assert.equal(
    refusal(`l: [${'*a,'.repeat(200)}]`).message,
    'sortbin.yaml: Too many aliases. Use at most 100.',
  );
  assert.equal(refusal('camera: &camera { script: *camera }').code, 'config-invalid');
});

test('limits nesting and size before it parses the text', () => {
  const levels = ['[', '{a: ', '- ', '? ', '- - [\n'].map((level) => level.repeat(20_000));
  for (const text of [...levels, ']'.repeat(5_000) + '['.repeat(5_000)])
    assert.equal(refusal(text).message, 'sortbin.yaml: Nested too deeply. Use at most 100 levels.');
  const staircase = Array.from({ length: 300 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n');
  assert.equal(refusal(staircase).message, 'sortbin.yaml: Nested too deeply. Use at most 100 levels.');
  const keys = Array.from({ length: 60_000 }, (_, n) => `k${n}: 1`).join('\n');
  assert.equal(refusal(keys).message, 'sortbin.yaml: Too many YAML tokens. Use at most 50000.');
  const large = refusal(`# ${'x'.repeat(1_000_000)}`);
  assert.equal(large.code, 'config-unreadable');
  assert.equal(
    large.message,
    'sortbin.yaml: the file is too large (1000002 bytes). Use at most 1000000 bytes.',
  );
});

test('accepts a script of 1000 steps, and refuses one of 1001', () => {
  const steps = (count: number) =>
    `camera:\n  script:\n${'    - picture: paper/paper18.jpg\n'.repeat(count)}gate:\n  script:\n${'    - moveMs: 1\n'.repeat(1000)}`;
  const { camera } = parseConfig(steps(1000), 'sortbin.yaml');
  assert.equal('script' in camera && camera.script.length, 1000);
  assert.match(
    refusal(steps(1001)).message,
    /^sortbin\.yaml:2: camera\.script: a list of 1001 entries is not allowed/,
  );
});

describe('a configuration file', () => {
  const withFolder = async (work: (folder: string) => Promise<void>) => {
    const folder = await mkdtemp(join(tmpdir(), 'sortbin-config-'));
    try {
      await work(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  const rejected = async (path: string): Promise<ConfigError> => {
    const error: unknown = await loadConfig(path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ConfigError, `${path}: ${error}`);
    return error;
  };

  test('is parsed, and is named in the message about a problem', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'bin.yaml');
      await writeFile(path, 'bin:\n  id: hall\n');
      assert.equal((await loadConfig(path)).config.bin.id, 'hall');
      await writeFile(path, 'bin:\n  id: HALL\n');
      assert.match((await rejected(path)).message, new RegExp(`^${path}:2: bin\\.id: "HALL" is not allowed`));
    }));

  test('is refused if it is missing, a folder, too large, or not text', () =>
    withFolder(async (folder) => {
      const missing = join(folder, 'none.yaml');
      assert.equal((await rejected(missing)).code, 'config-missing');
      assert.match(
        (await rejected(missing)).message,
        /none\.yaml: file not found\. Create one with "sortbin config init"\.$/,
      );
      assert.equal((await rejected(folder)).code, 'config-unreadable');
      const latin = join(folder, 'latin.yaml');
      await writeFile(latin, Buffer.from([0x62, 0x3a, 0x20, 0xe9, 0x0a]));
      assert.match((await rejected(latin)).message, /not UTF-8 text\. Save the file as UTF-8\.$/);
      const large = join(folder, 'large.yaml');
      await writeFile(large, '#'.repeat(1_000_001));
      assert.match(
        (await rejected(large)).message,
        /the file is too large \(1000001 bytes\)\. Use at most 1000000 bytes\.$/,
      );
    }));
});
