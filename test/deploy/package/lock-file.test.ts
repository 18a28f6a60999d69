import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packagesFor } from '../../../deploy/package/lock-file.js';
import { packageRoot } from '../../../device/kit/root.js';

const entry = (version: string, more: object = {}) => ({
  version,
  license: 'MIT',
  integrity: 'sha512-AA==',
  ...more,
});

const LOCK = {
  packages: {
    '': { dependencies: { outer: '1' }, optionalDependencies: { heavy: '1', missing: '1' } },
    'node_modules/outer': entry('1.0.0', {
      dependencies: { inner: '2' },
      optionalDependencies: { arm: '1', x64: '1' },
    }),
    'node_modules/outer/node_modules/inner': entry('2.0.0', { dependencies: { shared: '1' } }),
    'node_modules/inner': entry('1.0.0'),
    'node_modules/shared': entry('1.0.0'),
    'node_modules/arm': entry('1.0.0', { os: ['linux'], cpu: ['arm64'] }),
    'node_modules/x64': entry('1.0.0', { os: ['linux'], cpu: ['x64'] }),
    'node_modules/heavy': entry('1.0.0', { dependencies: { only: '1' } }),
    'node_modules/only': entry('1.0.0'),
    'node_modules/tool': entry('1.0.0'),
  },
};

describe('the npm packages of a Debian package', () => {
  it('are those that the program reaches on the machine, without the ones left out', () => {
    const paths = packagesFor(LOCK, 'arm64', ['heavy']).map(({ path, version }) => `${path}@${version}`);
    assert.deepEqual(paths, ['arm@1.0.0', 'outer@1.0.0', 'outer/node_modules/inner@2.0.0', 'shared@1.0.0']);
  });

  it('have a version, a licence and a digest each', () => {
    const lock = JSON.parse(readFileSync(join(packageRoot(), 'package-lock.json'), 'utf8'));
    const packages = packagesFor(lock, 'arm64', ['@tensorflow/tfjs-node']);
    assert.ok(packages.some(({ name }) => name === '@img/sharp-libvips-linux-arm64'));
    assert.ok(!packages.some(({ name }) => /x64|tfjs-node|typescript/.test(name)));
    for (const { path, version, licence, integrity } of packages)
      assert.ok(version && licence && integrity.startsWith('sha512-'), path);
  });
});
