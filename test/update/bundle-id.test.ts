import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compareVersions,
  isBundleFile,
  isBundleName,
  isBundleVersion,
  textOf,
} from '../../device/update/bundle-id.js';

test('accepts names of lower-case letters, digits and hyphens, at most 40 characters', () => {
  for (const name of ['waste12', '0', 'a-b', 'a'.repeat(40)]) assert.ok(isBundleName(name), name);
  for (const name of ['', '-a', 'A', 'a_b', 'a.b', 'a/b', '..', 'a b', 'ä', 'a\n', 'a'.repeat(41)]) {
    assert.ok(!isBundleName(name), name);
  }
});

test('accepts semantic versions without build metadata', () => {
  for (const version of ['1.4.0', '0.0.0', '1.4.0-rc.1', '10.20.30-a-b.0x', '1.0.0-0']) {
    assert.ok(isBundleVersion(version), version);
  }
  const wrong = [
    '',
    '1',
    '1.4',
    '01.4.0',
    '1.4.0+build',
    '1.4.0-',
    '1.4.0-a..b',
    '1.4.0-01',
    'v1.4.0',
    '1.4.0\n',
  ];
  for (const version of [...wrong, `1.4.0-${'a'.repeat(60)}`]) assert.ok(!isBundleVersion(version), version);
});

test('accepts files in folders of the bundle, and no path that leaves it', () => {
  for (const file of ['labels.txt', 'golden/inputs.json', 'tfjs/group1-shard1of2.bin', 'a/b/c/d', 'NOTICE']) {
    assert.ok(isBundleFile(file), file);
  }
  const wrong = [
    '',
    '/a',
    'a/',
    'a//b',
    '..',
    'a/../b',
    '.hidden',
    'a\\b',
    'a b',
    'ä',
    'a\0',
    'a/b/c/d/e',
    '%2e%2e',
  ];
  for (const file of [...wrong, 'a'.repeat(101)]) assert.ok(!isBundleFile(file), file);
});

test('orders versions by the precedence of semantic versioning', () => {
  const ordered = [
    '0.9.9',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '1.10.99999999999999999998',
    '1.10.99999999999999999999',
    '2.0.0-0',
  ];
  for (const [index, version] of ordered.entries()) {
    for (const [other, text] of ordered.entries()) {
      assert.equal(Math.sign(compareVersions(version, text)), Math.sign(index - other), `${version} ${text}`);
    }
  }
});

test('refuses to compare a text that is no version', () => {
  assert.throws(() => compareVersions('1.0.0', 'latest'), /latest: not a semantic version such as 1\.4\.0/);
  assert.throws(() => compareVersions('', '1.0.0'), RangeError);
});

test('writes an id as name@version', () => {
  assert.equal(textOf({ name: 'waste12', version: '1.4.0' }), 'waste12@1.4.0');
});
