import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ConfigError } from '../../device/config/errors.js';
import { loadConfig, parseConfig } from '../../device/config/load.js';
import { refusal } from './support.js';

const SYNTAX: readonly (readonly [text: string, message: string])[] = [
  ['bin:\n  id: a\n  id: b\n', 'sortbin.yaml:3: column 3: Map keys must be unique'],
  ['bin:\n\tid: a\n', 'sortbin.yaml:2: column 1: Tabs are not allowed as indentation'],
  [
    'bin: { id: a\n',
    'sortbin.yaml:2: column 1: Flow map in block collection must be sufficiently indented and end with a }',
  ],
  ['bin: {}\n---\nlog: {}\n', 'sortbin.yaml:2: column 1: Only one document is allowed'],
  ['bin: {}\n[a]: 1\n', 'sortbin.yaml:2: column 1: Keys must be texts'],
  ['bin: !!js/function "x"\n', 'sortbin.yaml:1: column 6: Unresolved tag'],
  ['bin: *other\n', 'sortbin.yaml:1: column 6: An alias needs its anchor before it'],
  ['policy:\n  compartments:\n    __proto__: [x]\n', 'sortbin.yaml:3: __proto__: not allowed as a key'],
];

describe('what is not the YAML that is taken is refused, with line and column', () => {
  for (const [text, message] of SYNTAX)
    test(JSON.stringify(text), () => {
      const error = refusal(text);
      assert.equal(error.code, 'config-syntax');
      assert.equal(error.message, message);
    });
});

test('anchors and aliases work', () => {
  const { policy } = parseConfig('policy: { confidence: &least 0.6, margin: *least }', 'sortbin.yaml');
  assert.equal(policy.margin, 0.6);
});

test('aliases that unfold without end are refused, and one that holds itself', () => {
  const bomb = Array.from({ length: 12 }, (_, n) => `k${n}: &k${n} [${n ? `*k${n - 1},`.repeat(8) : '1'}]`);
  const refused = refusal(bomb.join('\n'));
  assert.equal(refused.code, 'config-syntax');
  assert.equal(refused.message, 'sortbin.yaml: The aliases unfold to too much');
  assert.equal(refusal(`l: [${'*a,'.repeat(200)}]`).message, 'sortbin.yaml: More than 100 aliases');
  assert.equal(refusal('camera: &camera { script: *camera }').code, 'config-invalid');
});

test('nesting and size are bounded before the text is parsed', () => {
  const levels = ['[', '{a: ', '- ', '? ', '- - [\n'].map((level) => level.repeat(20_000));
  for (const text of [...levels, ']'.repeat(5_000) + '['.repeat(5_000)])
    assert.equal(refusal(text).message, 'sortbin.yaml: Nested more than 100 deep');
  const staircase = Array.from({ length: 300 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n');
  assert.equal(refusal(staircase).message, 'sortbin.yaml: Nested more than 100 deep');
  const keys = Array.from({ length: 60_000 }, (_, n) => `k${n}: 1`).join('\n');
  assert.equal(refusal(keys).message, 'sortbin.yaml: More than 50000 YAML tokens');
  const large = refusal(`# ${'x'.repeat(1_000_000)}`);
  assert.equal(large.code, 'config-unreadable');
  assert.equal(large.message, 'sortbin.yaml: 1000002 bytes are not allowed: at most 1000000');
});

test('a script of a thousand steps is well inside the bounds, one step more is not', () => {
  const steps = (count: number) =>
    `camera:\n  script:\n${'    - picture: paper/paper18.jpg\n'.repeat(count)}gate:\n  script:\n${'    - moveMs: 1\n'.repeat(1000)}`;
  assert.equal(parseConfig(steps(1000), 'sortbin.yaml').camera.script.length, 1000);
  assert.match(
    refusal(steps(1001)).message,
    /^sortbin\.yaml:2: camera\.script: a list of 1001 is not allowed/,
  );
});

describe('a file', () => {
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

  test('is read, and is named in what is wrong with it', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'bin.yaml');
      await writeFile(path, 'bin:\n  id: hall\n');
      assert.equal((await loadConfig(path)).bin.id, 'hall');
      await writeFile(path, 'bin:\n  id: HALL\n');
      assert.match((await rejected(path)).message, new RegExp(`^${path}:2: bin\\.id: "HALL" is not allowed`));
    }));

  test('that is not there, is a folder, is too large or is not text is refused as such', () =>
    withFolder(async (folder) => {
      const missing = join(folder, 'none.yaml');
      assert.equal((await rejected(missing)).code, 'config-missing');
      assert.match(
        (await rejected(missing)).message,
        /none\.yaml: no such file; write one with sortbin config init$/,
      );
      assert.equal((await rejected(folder)).code, 'config-unreadable');
      const latin = join(folder, 'latin.yaml');
      await writeFile(latin, Buffer.from([0x62, 0x3a, 0x20, 0xe9, 0x0a]));
      assert.match((await rejected(latin)).message, /not UTF-8 text$/);
      const large = join(folder, 'large.yaml');
      await writeFile(large, '#'.repeat(1_000_001));
      assert.match((await rejected(large)).message, /1000001 bytes are not allowed: at most 1000000$/);
    }));
});
