import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../../device/config/load.js';
import { initText, referencePage } from '../../device/config/reference.js';
import { jsonSchema } from '../../device/config/schema.js';
import { packageRoot } from '../../device/kit/root.js';

interface Described {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly oneOf?: readonly Described[];
}

/** Returns every key of a mapping of the schema, also of nested mappings, with its path. */
const keysOf = (schema: Described, path = ''): [path: string, schema: Described][] =>
  Object.entries({ ...schema.properties, ...schema.oneOf?.[0]?.properties }).flatMap(([key, inner]) => [
    [`${path}${key}`, inner],
    ...keysOf(inner, `${path}${key}.`),
  ]);

const pathsOf = (value: unknown, path = ''): string[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, inner]) => [`${path}${key}`, ...pathsOf(inner, `${path}${key}.`)])
    : [];

test('describes exactly the keys of the default configuration in the JSON Schema, with default and meaning', () => {
  const schema = jsonSchema() as Described;
  const named = keysOf(schema);
  assert.deepEqual(named.map(([path]) => path).sort(), pathsOf(parseConfig('', 'defaults')).sort());
  for (const [path, { description, default: defaultValue }] of named) {
    assert.ok(description, `${path} has no meaning`);
    assert.notEqual(defaultValue, undefined, `${path} has no default`);
  }
});

test('makes a JSON Schema without ids and references', () => {
  const text = JSON.stringify(jsonSchema());
  assert.doesNotMatch(text, /"\$(id|ref|defs)"/);
  assert.match(text, /^\{"\$schema":"https:\/\/json-schema.org\/draft\/2020-12\/schema"/);
});

test('writes the default configuration in the init file, with a comment on each key', () => {
  const text = initText();
  assert.deepEqual(parseConfig(text, 'sortbin.yaml'), parseConfig('', 'defaults'));
  for (const path of pathsOf(parseConfig('', 'defaults'))) {
    const indent = '  '.repeat(path.split('.').length - 1);
    assert.match(
      text,
      new RegExp(`^ *#.*\\n${indent}${path.split('.').at(-1)}:`, 'm'),
      `${path} has no comment`,
    );
  }
});

test('has a row on the reference page for every key, including those of steps and of other drivers', () => {
  const page = referencePage().replace(/ +\|/g, ' |');
  const values = keysOf(jsonSchema() as Described).filter(
    ([, { properties, oneOf }]) => !properties && !oneOf,
  );
  for (const [path, { description }] of values) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${path}\` |`));
    assert.ok(row?.includes(description ?? '?'), `${path} has no row`);
  }
  assert.ok(page.includes('| `policy.confidence` | `null` | a number from 0 to 1, or null |'));
  assert.ok(page.includes('| `camera.script[].fault` | | one of "camera-no-frame", "camera-failed" |'));
  assert.ok(page.includes('### vision by driver `simulated`'));
});

test('has the current reference page in docs/configuration.md', async () => {
  const committed = await readFile(join(packageRoot(), 'docs/configuration.md'), 'utf8');
  assert.equal(committed, referencePage(), 'update it: npx sortbin config reference > docs/configuration.md');
});
