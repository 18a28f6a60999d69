import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { type Fragment, unionMembers } from '../../device/config/json-schema.js';
import { parseConfig } from '../../device/config/load.js';
import { initText, referencePage } from '../../device/config/reference.js';
import { jsonSchema } from '../../device/config/schema.js';
import { packageRoot } from '../../device/kit/root.js';
import { proseOf } from '../language/prose.js';
import { findIn } from '../language/rules.js';

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

interface Key {
  readonly path: string;
  /** Heading above the row. */
  readonly heading: string;
  readonly fragment: Fragment;
}

/** Returns every key of the schema: also below lists (`[]`), below records (`NAME`), and of every driver. */
const allKeysOf = (fragment: Fragment, path = '', heading = path): Key[] => {
  const members = unionMembers(fragment);
  return members.flatMap(({ properties = {}, items, additionalProperties }) => {
    const driver = members.length > 1 ? properties.driver?.const : undefined;
    const innerHeading = driver === undefined ? heading : `${path} by driver ${driver}`;
    const entries = typeof additionalProperties === 'object' ? [additionalProperties] : [];
    return [
      ...Object.entries(properties).flatMap(([name, inner]) => {
        const key = path === '' ? name : `${path}.${name}`;
        const own = { path: key, heading: innerHeading || key, fragment: inner };
        return [own, ...allKeysOf(inner, key, own.heading)];
      }),
      ...(items ? allKeysOf(items, `${path}[]`, innerHeading) : []),
      ...entries.flatMap((entry) => allKeysOf(entry, `${path}.NAME`, innerHeading)),
    ];
  });
};

type Cells = readonly string[];

/** Returns the table rows below a heading, without the rows of other parts and drivers. Code marks are removed. */
const rowsBelow = (page: string, heading: string): Cells[] => {
  const sections = page.replaceAll('`', '').split(/^(?=## |#+ .* by driver )/m);
  const section = sections.find((text) => text.replace(/^#+ /, '').startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) =>
    row.split(/ \| /).map((cell) => cell.trim()),
  );
};

/** Returns the rows of a key: below its heading, or in the section that the row of its mapping links to. */
const rowsOfKey = (page: string, { path, heading }: Key): Cells[] => {
  const rows = rowsBelow(page, heading);
  const own = rows.filter(([key]) => key === path);
  if (own.length > 0) return own;
  const mapping = path.replace(/(\.NAME|\[\])*\.\w+$/, '');
  const [, link] = rows.find(([key]) => key === mapping)?.[2]?.match(/\[(.*)\]\(#/) ?? [];
  const title = link && link.charAt(0).toUpperCase() + link.slice(1);
  const name = path.split('.').at(-1);
  return title ? rowsBelow(page, title).filter(([key]) => key === name) : [];
};

test('has a row on the reference page for every key at every depth, with default and meaning', () => {
  const page = referencePage();
  const parts = Object.keys(jsonSchema().properties ?? {});
  const keys = allKeysOf(jsonSchema());
  for (const path of [
    'camera.script[].hang',
    'gate.compartments.NAME.output.maxOnMs',
    'panel.light.settleMs',
  ])
    assert.ok(
      keys.some((key) => key.path === path),
      `${path} is not tested`,
    );
  for (const key of keys) {
    const { default: defaultValue, description } = key.fragment;
    if (parts.includes(key.path) && key.path !== 'dataDir')
      assert.ok(page.includes(`## ${key.path}\n\n${description}.\n`), `${key.path} has no section`);
    else
      assert.ok(
        rowsOfKey(page, key).some(
          ([, text = '', , meaning]) =>
            JSON.stringify(text === '' ? undefined : parse(text)) === JSON.stringify(defaultValue) &&
            meaning === description?.replaceAll('`', ''),
        ),
        `${key.path} has no row below "${key.heading}"`,
      );
  }
});

test('gives a default in the JSON Schema to every key that is not required, and to no other', () => {
  const check = (fragment: Fragment & { readonly required?: readonly string[] }): void => {
    const { properties = {}, required = [], items, additionalProperties, anyOf = [], oneOf = [] } = fragment;
    const withoutDefault = Object.keys(properties).filter((key) => properties[key]?.default === undefined);
    assert.deepEqual(withoutDefault, required);
    for (const inner of [...Object.values(properties), items, additionalProperties, ...anyOf, ...oneOf])
      if (typeof inner === 'object') check(inner);
  };
  check(jsonSchema());
});

test('names the allowed values on the reference page shortly, and as the file writes them', () => {
  const page = referencePage().replace(/ +\|/g, ' |');
  for (const row of [
    '| `policy.confidence` | `null` | a number from 0 to 1, or null |',
    '| `vision.runtime` | `auto` | one of `auto`, `edgetpu`, `tflite`, `tfjs-node`, `tfjs-wasm` |',
    '| `gate.pwm.chip` | `"0"` | a string of 1 to 63 characters |',
    '| `gate.home` | `null` | an [input line](#input-line), or null |',
    '| `gate.calibration` | `null` | a mapping, or null |',
    '| `gate.compartments.NAME.output.maxOnMs` | `1500` | a whole number from 1 to 86400000 |',
    '| `panel.outputs` | `{}` | a mapping from a name to an [output line](#output-line) |',
    '| `camera.script` | `[]` | a list of 0 to 1000 entries, each a mapping, below |',
    '| `camera.script[].fault` | | one of `camera-missing`, `camera-denied`, `camera-busy`, `camera-unsupported`, `camera-no-frame`, `camera-frozen`, `camera-failed` |',
    '| `maxOnMs` | differs | a whole number from 1 to 86400000 |',
  ])
    assert.ok(page.includes(row), `${row} is missing`);
  assert.ok(page.includes('Each entry has one of these forms: `{pulseUs, end}`, `{degrees, end}`.'));
  assert.deepEqual(proseOf('configuration.md', referencePage()).flatMap(findIn), []);
});

test('has the current reference page in docs/configuration.md', async () => {
  const committed = await readFile(join(packageRoot(), 'docs/configuration.md'), 'utf8');
  assert.equal(committed, referencePage(), 'update it: npx sortbin config reference > docs/configuration.md');
});
