import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Bundle, loadBundle, readBundleFile } from '../../device/perception/inference/bundle/bundle.js';
import { noisePicture } from '../../device/perception/inference/golden/samples.js';
import type { Interpreter, Outputs } from '../../device/perception/inference/interpreter.js';
import { factoryBundle } from '../support/bundle-copy.js';

type Open = (model: Uint8Array, threads: number) => Interpreter | Promise<Interpreter>;

/** What each interpreter of a quantised .tflite file does; run with the factory bundle's. */
export const interpreterContract = (name: string, open: Open) =>
  describe(`interpreter: ${name}`, () => {
    let bundle: Bundle;
    let model: Uint8Array;
    let interpreter: Interpreter;
    const noise = (seed: number) =>
      noisePicture(
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

    it('says what the model takes', () => {
      const { width, height, mean, scale } = bundle.manifest.input;
      const { input } = interpreter;
      assert.match(interpreter.backend, /^[a-z-]+-\d+\.\d+$/);
      assert.equal(interpreter.threads, 1);
      assert.deepEqual(input.shape, [1, height, width, 3]);
      assert.deepEqual([input.type, input.scale, input.zeroPoint], ['uint8', 1 / scale, mean]);
      assert.notEqual(input.name, '');
    });

    it('says what the model gives, under the names that the manifest has', async () => {
      const { labels, outputs, runtimes } = bundle.manifest;
      const answers = JSON.parse(
        await readFile(join(bundle.folder, runtimes.tflite?.golden.file ?? ''), 'utf8'),
      );
      const logits = interpreter.outputs.get(outputs.logits?.tflite ?? '');
      assert.deepEqual(logits?.shape, [1, labels.length]);
      const { type, scale, zeroPoint } = answers.logits;
      assert.deepEqual([logits.type, logits.zeroPoint], [type, zeroPoint]);
      assert.ok(Math.abs(logits.scale / scale - 1) < 1e-6, `${logits.scale} is not ${scale}`);
      assert.ok(interpreter.outputs.has(outputs.embedding?.tflite ?? ''));
    });

    it('gives each output that it names, as long as its shape', async () => {
      const given = await interpreter.invoke(noise(1));
      assert.deepEqual([...given.keys()].sort(), [...interpreter.outputs.keys()].sort());
      for (const [tensor, { shape, type }] of interpreter.outputs) {
        const data = given.get(tensor);
        assert.equal(
          data?.length,
          shape.reduce((product, size) => product * size, 1),
        );
        assert.equal(data.constructor, { uint8: Uint8Array, int8: Int8Array, float32: Float32Array }[type]);
      }
    });

    it('answers equal inputs equally, others otherwise, and leaves what it gave to the caller', async () => {
      const input = noise(1);
      const first = await interpreter.invoke(input);
      const kept = copied(first);
      input.fill(0);
      const other = await interpreter.invoke(noise(2));
      assert.notDeepEqual(other, kept);
      assert.deepEqual(first, kept);
      for (const data of other.values()) data.fill(1);
      assert.deepEqual(await interpreter.invoke(noise(1)), kept);
    });

    it('answers the same with two threads, and beside another', async () => {
      const second = await open(model, 2);
      try {
        assert.equal(second.threads, 2);
        const [one, two] = await Promise.all([interpreter.invoke(noise(3)), second.invoke(noise(3))]);
        assert.deepEqual(two, one);
      } finally {
        await second.close();
      }
    });

    it('refuses an input of another size, and goes on', async () => {
      const expected = await interpreter.invoke(noise(1));
      const { length } = noise(1);
      await assert.rejects(interpreter.invoke(noise(1).subarray(1)), {
        code: 'input-invalid',
        message: new RegExp(`has ${length - 1} bytes; the model takes ${length}`),
      });
      await assert.rejects(interpreter.invoke(new Uint8Array(0)), { code: 'input-invalid' });
      assert.deepEqual(await interpreter.invoke(noise(1)), expected);
    });

    it('runs one call at a time, and that one is not disturbed', async () => {
      const expected = await interpreter.invoke(noise(1));
      const running = interpreter.invoke(noise(1));
      await assert.rejects(interpreter.invoke(noise(2)), { code: 'interpreter-busy' });
      assert.deepEqual(await running, expected);
      assert.deepEqual(await interpreter.invoke(noise(1)), expected);
    });

    it('leaves the event loop free while it runs', async () => {
      let turns = 0;
      const count = () => {
        turns++;
        next = setImmediate(count);
      };
      let next = setImmediate(count);
      await interpreter.invoke(noise(1));
      clearImmediate(next);
      assert.ok(turns > 0);
    });

    it('closes when the run in progress has ended; then there are no more', async () => {
      const closing = await open(model, 1);
      const expected = await interpreter.invoke(noise(1));
      let ended = false;
      const running = closing.invoke(noise(1)).finally(() => {
        ended = true;
      });
      await closing.close();
      assert.ok(ended);
      assert.deepEqual(await running, expected);
      await assert.rejects(closing.invoke(noise(1)), { code: 'interpreter-closed' });
      await closing.close();
    });

    it('takes nothing for a model that is none', async () => {
      const refused = { code: 'model-invalid', message: /not a TensorFlow Lite model/ };
      const garbage = Buffer.from('this is no model at all, but long enough to be taken for one');
      for (const bytes of [garbage, new Uint8Array(0)])
        await assert.rejects(async () => open(bytes, 1), refused);
      for (const length of [8, 1_000, 100_000, model.length - 1]) {
        await assert.rejects(
          async () => open(model.subarray(0, length), 1),
          refused,
          `${length} bytes of it`,
        );
      }
    });
  });
