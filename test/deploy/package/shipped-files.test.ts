import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isShipped } from '../../../deploy/package/shipped-files.js';

const files = (name: string, paths: readonly string[]) =>
  paths.filter((path) => isShipped(name, path, 'linux-arm64'));

describe('the files of a npm package that the Debian package contains', () => {
  it('are code and data, without sources, types, tests, licences and source maps', () => {
    const kept = ['package.json', 'index.js', 'lib/deep/file.cjs', 'dist/doc/Document.js', 'lib/table.json'];
    const left = [
      'index.d.ts',
      'index.js.map',
      'src/a.cc',
      'LICENSE.md',
      'README.md',
      'test/a.js',
      '.nyc_output/a.json',
    ];
    assert.deepEqual(files('some-package', [...kept, ...left]), kept);
  });

  it('are the native builds of the platform with glibc only', () => {
    const kept = ['prebuilds/linux-arm64/a.glibc.node'];
    const left = [
      'prebuilds/linux-x64/a.glibc.node',
      'prebuilds/linux-arm64/a.musl.node',
      'prebuilds/win32-x64/a.node',
    ];
    assert.deepEqual(files('@photostructure/sqlite', [...kept, ...left]), kept);
    assert.deepEqual(
      files('@koromix/koffi-linux-arm64', ['linux_arm64/koffi.node', 'musl_arm64/koffi.node']),
      ['linux_arm64/koffi.node'],
    );
  });

  it('are the bundle for Node and the kernels of TensorFlow.js', () => {
    const kept = ['package.json', 'dist/tf-backend-wasm.node.js', 'dist/tfjs-backend-wasm-simd.wasm'];
    const left = [
      'dist/tf-core.js',
      'dist/tf-core.min.js',
      'wasm-out/tfjs-backend-wasm.wasm',
      'dist/ops/add.js',
    ];
    assert.deepEqual(files('@tensorflow/tfjs-backend-wasm', [...kept, ...left]), kept);
  });
});
