import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Bundle, loadBundle, readBundleFile } from '../../device/perception/inference/bundle/bundle.js';
import { noiseImage } from '../../device/perception/inference/golden/samples.js';
import type { Interpreter, Outputs } from '../../device/perception/inference/interpreter.js';
import { factoryBundle } from '../support/bundle-copy.js';

type Open = (model: Uint8Array, threads: number) => Interpreter | Promise<Interpreter>;

/** The contract of every interpreter for quantised .tflite files, tested with the factory model. */
export const interpreterContract = (name: string, open: Open) =>
  describe(`interpreter: ${name}`, () => {
    let bundle: Bundle;
    let model: Uint8Array;
    let interpreter: Interpreter;
    const noise = (seed: number) =>
      noiseImage(
        { id: 'noise', inputSha256: '', generator: 'xorshift32', seed, block: 8 },
        bundle.manifest.input,
      );
    const copied = (outputs: Outputs) =>
      new Map([...outputs].map(([tensor, data]) => [tensor, data.slice()]));

    before(async () => {
      bundle = await loadBundle(factoryBundle());
      const { tflite } = bundle.manifest.runtimes;
      assert.ok(tflite);
      model = await readBundleFile(bundle, tflite);
      interpreter = await open(model, 1);
    });
    after(() => interpreter.close());

    it('describes the input of the model', () => {
      const { width, height, mean, scale } = bundle.manifest.input;
      const { input } = interpreter;
      assert.match(interpreter.backend, /^[a-z-]+-\d+\.\d+$/);
      assert.equal(interpreter.threads, 1);
      assert.deepEqual(input.shape, [1, height, width, 3]);
      assert.deepEqual([input.type, input.scale, input.zeroPoint], ['uint8', 1 / scale, mean]);
      assert.notEqual(input.name, '');
    });

    it('describes the outputs of the model by the names in the manifest', async () => {
      const { labels, outputs, runtimes } = bundle.manifest;
      const golden = JSON.parse(
        await readFile(join(bundle.folder, runtimes.tflite?.golden.file ?? ''), 'utf8'),
      );
      const logits = interpreter.outputs.get(outputs.logits?.tflite ?? '');
      assert.deepEqual(logits?.shape, [1, labels.length]);
      const { type, scale, zeroPoint } = golden.logits;
      assert.deepEqual([logits.type, logits.zeroPoint], [type, zeroPoint]);
      assert.ok(Math.abs(logits.scale / scale - 1) < 1e-6, `${logits.scale} is not ${scale}`);
      assert.ok(interpreter.outputs.has(outputs.embedding?.tflite ?? ''));
    });

    it('returns each output that it names, with the size of its shape', async () => {
      const outputs = await interpreter.invoke(noise(1));
      assert.deepEqual([...outputs.keys()].sort(), [...interpreter.outputs.keys()].sort());
      for (const [tensor, { shape, type }] of interpreter.outputs) {
        const data = outputs.get(tensor);
        assert.equal(
          data?.length,
          shape.reduce((product, size) => product * size, 1),
        );
        assert.equal(data.constructor, { uint8: Uint8Array, int8: Int8Array, float32: Float32Array }[type]);
      }
    });

    it('gives equal outputs for equal inputs only, and the caller owns the outputs', async () => {
      const input = noise(1);
      const first = await interpreter.invoke(input);
      const copy = copied(first);
      input.fill(0);
      const other = await interpreter.invoke(noise(2));
      assert.notDeepEqual(other, copy);
      assert.deepEqual(first, copy);
      for (const data of other.values()) data.fill(1);
      assert.deepEqual(await interpreter.invoke(noise(1)), copy);
    });

    it('gives the same outputs with two threads, in parallel with another interpreter', async () => {
      const second = await open(model, 2);
      try {
        assert.equal(second.threads, 2);
        const [one, two] = await Promise.all([interpreter.invoke(noise(3)), second.invoke(noise(3))]);
        assert.deepEqual(two, one);
      } finally {
        await second.close();
      }
    });

    it('refuses an input of the wrong size, and the next run is correct', async () => {
      const expected = await interpreter.invoke(noise(1));
      const { length } = noise(1);
      await assert.rejects(interpreter.invoke(noise(1).subarray(1)), {
        code: 'input-invalid',
        message: new RegExp(`has ${length - 1} bytes, but the model takes ${length}`),
      });
      await assert.rejects(interpreter.invoke(new Uint8Array(0)), { code: 'input-invalid' });
      assert.deepEqual(await interpreter.invoke(noise(1)), expected);
    });

    it('refuses a second call during a run, and does not disturb the first', async () => {
      const expected = await interpreter.invoke(noise(1));
      const running = interpreter.invoke(noise(1));
      await assert.rejects(interpreter.invoke(noise(2)), { code: 'interpreter-busy' });
      assert.deepEqual(await running, expected);
      assert.deepEqual(await interpreter.invoke(noise(1)), expected);
    });

    it('does not block the event loop during a run', async () => {
      let iterations = 0;
      const count = () => {
        iterations++;
        next = setImmediate(count);
      };
      let next = setImmediate(count);
      await interpreter.invoke(noise(1));
      clearImmediate(next);
      assert.ok(iterations > 0);
    });

    it('close waits for the run in progress, and later calls are refused', async () => {
      const closing = await open(model, 1);
      const expected = await interpreter.invoke(noise(1));
      let hasEnded = false;
      const running = closing.invoke(noise(1)).finally(() => {
        hasEnded = true;
      });
      await closing.close();
      assert.ok(hasEnded);
      assert.deepEqual(await running, expected);
      await assert.rejects(closing.invoke(noise(1)), { code: 'interpreter-closed' });
      await closing.close();
    });

    it('refuses a file that is not a model', async () => {
      const refused = { code: 'model-invalid', message: /not a TensorFlow Lite model/ };
      const garbage = Buffer.from('this is not a model, but it is long enough to be one');
      for (const bytes of [garbage, new Uint8Array(0)])
        await assert.rejects(async () => open(bytes, 1), refused);
      for (const length of [8, 1_000, 100_000, model.length - 1]) {
        await assert.rejects(
          async () => open(model.subarray(0, length), 1),
          refused,
          `the first ${length} bytes`,
        );
      }
    });
  });
