import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  getBackend,
  getKernel,
  KernelBackend,
  memory,
  registerBackend,
  removeBackend,
  setBackend,
} from '@tensorflow/tfjs-core';
import { availableBytes } from '../../../../device/kit/memory.js';
import { type Bundle, loadBundle } from '../../../../device/perception/inference/bundle/bundle.js';
import { candidatesOf } from '../../../../device/perception/inference/candidates.js';
import { openFirst } from '../../../../device/perception/inference/chain.js';
import type { Interpreter } from '../../../../device/perception/inference/interpreter.js';
import type { TfjsOptions } from '../../../../device/perception/inference/tfjs/graph-model.js';
import { openGraphModel } from '../../../../device/perception/inference/tfjs/graph-model.js';
import { openTfjsNode } from '../../../../device/perception/inference/tfjs/tfjs-node.js';
import { openTfjsWasm } from '../../../../device/perception/inference/tfjs/tfjs-wasm.js';
import { prepare as prepareImage } from '../../../../device/perception/vision/classifier.js';
import { factoryBundle, factoryInput, factoryInputBytes } from '../../../support/bundle-copy.js';
import { runModule } from '../../../support/run-module.js';
import { makeVisionOptions } from '../../../support/vision-options.js';

const DRIVER = new URL('../../../../device/perception/inference/tfjs/tfjs-wasm.js', import.meta.url).href;

let bundle: Bundle;
let options: TfjsOptions;
let wasm: Interpreter;

before(async () => {
  bundle = await loadBundle(factoryBundle());
  const read = (file: string) => readFile(join(bundle.folder, file));
  const { tfjs } = bundle.manifest.runtimes;
  assert.ok(tfjs);
  options = {
    model: await read(tfjs.file),
    weights: await Promise.all(tfjs.weights.map(({ file }) => read(file))),
  };
  wasm = await openTfjsWasm(options);
});
after(() => wasm.close());

const prepare = (file: Uint8Array) => prepareImage(file, bundle);

const makeImage = () => new Uint8Array(factoryInputBytes).map((_, index) => (index * 31) & 255);

describe('TensorFlow.js on WebAssembly', () => {
  it('passes the golden samples on the kernels that it names', async () => {
    const active = await openFirst(bundle, {
      candidates: candidatesOf(makeVisionOptions(bundle.folder, { runtime: 'tfjs-wasm' })),
      skip: [],
      prepare,
      monotonicMs: () => 0,
    });
    assert.match(active.interpreter.backend, /^wasm(-nosimd)?-4\.22\.0$/);
    assert.equal(active.golden.samples, 8);
    assert.ok(active.golden.logitDifference < 0.05);
    await active.interpreter.close();
  });

  it('has one image input and named outputs', () => {
    assert.deepEqual(wasm.input.shape, [1, factoryInput.height, factoryInput.width, 3]);
    const shapes = [...wasm.outputs].map(([name, { shape, type }]) => [name, shape, type]);
    assert.deepEqual(shapes.sort(), [
      ['Identity:0', [1, 1280], 'float32'],
      ['Identity_1:0', [1, 12], 'float32'],
    ]);
  });

  it('returns copies, and leaks no tensor', async () => {
    const first = await wasm.invoke(makeImage());
    const before = memory().numTensors;
    const copy = [...(first.get('Identity_1:0') ?? [])];
    for (let run = 0; run < 10; run++) await wasm.invoke(makeImage());
    assert.equal(memory().numTensors, before);
    assert.deepEqual([...(first.get('Identity_1:0') ?? [])], copy);
    assert.deepEqual([...((await wasm.invoke(makeImage())).get('Identity_1:0') ?? [])], copy);
  });

  it('refuses an input of the wrong size, a second call during a run, and calls after close', async () => {
    await assert.rejects(wasm.invoke(new Uint8Array(5)), {
      code: 'input-invalid',
      message: new RegExp(`5 bytes, but the model takes ${factoryInputBytes}`),
    });
    const running = wasm.invoke(makeImage());
    await assert.rejects(wasm.invoke(makeImage()), { code: 'interpreter-busy' });
    await running;
    const other = await openTfjsWasm(options);
    const tensors = memory().numTensors;
    await other.close();
    await other.close();
    assert.ok(memory().numTensors < tensors, 'its weights are freed');
    await assert.rejects(other.invoke(makeImage()), { code: 'interpreter-closed' });
  });

  it('refuses an invalid model, and one with missing or extra weights', async () => {
    const invalid = { code: 'model-invalid' };
    await assert.rejects(openTfjsWasm({ ...options, model: Buffer.from('{"format":') }), invalid);
    await assert.rejects(openTfjsWasm({ ...options, weights: options.weights.slice(1) }), {
      ...invalid,
      message: /2 weight files expected, found 1\. Export/,
    });
    const [first, last] = options.weights;
    assert.ok(first && last);
    const tensors = memory().numTensors;
    const bytes = first.length + last.length;
    for (const cut of [last.subarray(4), Buffer.concat([last, last])]) {
      await assert.rejects(openTfjsWasm({ ...options, weights: [first, cut] }), {
        ...invalid,
        message: new RegExp(`${bytes} bytes of weights expected, found \\d+\\. Export`),
      });
    }
    const { signature: _, ...unsigned } = JSON.parse(Buffer.from(options.model).toString('utf8'));
    await assert.rejects(openTfjsWasm({ ...options, model: Buffer.from(JSON.stringify(unsigned)) }), {
      ...invalid,
      message: /the signature is missing\. Export the bundle again\./,
    });
    assert.equal(memory().numTensors, tensors);
  });

  it('never uses a backend other than its own backend', async () => {
    const core = await import('@tensorflow/tfjs-core');
    const { loadGraphModel } = await import('@tensorflow/tfjs-converter');
    const engine = {
      core: { ...core, getBackend: () => 'cpu' },
      loadGraphModel,
      backend: 'wasm',
      kernels: 'wasm',
      threads: 1,
    };
    await assert.rejects(openGraphModel(engine, options), {
      code: 'model-invalid',
      message: /backend cpu is active instead of wasm/,
    });
  });

  it('selects its backend again after another interpreter of the process has selected a different one', async (t) => {
    const expected = await wasm.invoke(makeImage());
    class Other extends KernelBackend {
      override dispose() {}
    }
    registerBackend('other', () => new Other());
    t.after(() => removeBackend('other'));
    await setBackend('other');
    assert.deepEqual(await wasm.invoke(makeImage()), expected);
    assert.equal(getBackend(), 'wasm');
  });

  it('prints nothing', async () => {
    const script = `
      const { openTfjsWasm } = await import(${JSON.stringify(DRIVER)});
      const { readFile } = await import('node:fs/promises');
      const [model, ...weights] = await Promise.all(process.argv.slice(1).map((file) => readFile(file)));
      const interpreter = await openTfjsWasm({ model, weights });
      await interpreter.invoke(new Uint8Array(${factoryInputBytes}));
      await interpreter.close();`;
    const { tfjs } = bundle.manifest.runtimes;
    assert.ok(tfjs);
    const files = [tfjs, ...tfjs.weights].map(({ file }) => join(bundle.folder, file));
    assert.deepEqual(await runModule(script, ...files), { stdout: '', stderr: '' });
  });

  it('fails at an operation that WebAssembly does not support, without a fallback', async () => {
    const json = JSON.parse(Buffer.from(options.model).toString('utf8'));
    const node = json.modelTopology.node.find(({ op }: { op: string }) => op === 'Mean');
    node.op = 'Real';
    assert.equal(
      getKernel('Real', 'wasm'),
      undefined,
      'this operation is now supported. Use another one in this test.',
    );
    const unsupported = await openTfjsWasm({ ...options, model: Buffer.from(JSON.stringify(json)) });
    await assert.rejects(unsupported.invoke(makeImage()), {
      code: 'invoke-failed',
      message: /Kernel 'Real' not registered for backend 'wasm'/,
    });
    await unsupported.close();
  });
});

describe('TensorFlow.js on the native library', () => {
  it('is only tried if enough memory is free', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'sortbin-test-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const meminfo = join(folder, 'meminfo');
    await writeFile(meminfo, 'MemTotal: 1000000 kB\nMemAvailable:  409600 kB\n');
    assert.equal(availableBytes(await readFile(meminfo, 'utf8')), 400 << 20);
    await assert.rejects(openTfjsNode({ ...options, meminfo }), {
      code: 'tfjs-node-memory',
      message: /600 MB of available memory needed, found 400 MB\. Use tfjs-wasm\./,
    });
  });

  it('does not check the memory on a system that does not report it', async () => {
    const withoutMeminfo = { package: '@tensorflow/not-here', meminfo: '/nowhere/meminfo' };
    await assert.rejects(openTfjsNode({ ...options, ...withoutMeminfo }), { code: 'tfjs-node-missing' });
  });

  it('says how to install it if it is missing', async () => {
    await assert.rejects(openTfjsNode({ ...options, package: '@tensorflow/not-here' }), {
      code: 'tfjs-node-missing',
      message: /: cannot be loaded.*see docs\/tensorflow-js\.md/,
    });
  });
});
