import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Bundle, loadBundle } from '../../../device/perception/inference/bundle/bundle.js';
import { candidatesOf } from '../../../device/perception/inference/candidates.js';
import { type Candidate, openFirst } from '../../../device/perception/inference/chain.js';
import { type Interpreter, InterpreterError } from '../../../device/perception/inference/interpreter.js';
import { findLibrary } from '../../../device/perception/inference/native.js';
import type { SkippedRuntime } from '../../../device/perception/inference/runtimes.js';
import { openTfLite } from '../../../device/perception/inference/tflite/tflite.js';
import { prepare as prepareImage } from '../../../device/perception/vision/classifier.js';
import { factoryBundle, quickBundle } from '../../support/bundle-copy.js';
import { makeVisionOptions } from '../../support/vision-options.js';

let bundle: Bundle;
let real: Interpreter;

before(async () => {
  bundle = await loadBundle(factoryBundle());
  const library = await findLibrary({ name: 'tensorflowlite-c' });
  real = openTfLite({
    library,
    model: await readFile(join(factoryBundle(), 'model_int8.tflite')),
    threads: 1,
  });
});
after(() => real.close());

const prepare = (file: Uint8Array) => prepareImage(file, bundle);

/** A candidate with the real interpreter, or a changed one. */
const candidate = (title: string, change: Partial<Interpreter> | Error = {}): Candidate => ({
  runtime: 'tflite',
  title,
  open: async () => {
    if (change instanceof Error) throw change;
    return {
      backend: title,
      threads: 1,
      skipped: [],
      input: real.input,
      outputs: real.outputs,
      invoke: (input) => real.invoke(input),
      close: async () => {},
      ...change,
    };
  },
});

const reversed = {
  invoke: async (input: Uint8Array) =>
    new Map([...(await real.invoke(input))].map(([name, data]) => [name, data.slice().reverse()])),
};

const open = (candidates: Candidate[], skip: SkippedRuntime[] = [], of = bundle) => {
  let nowMs = 0;
  const monotonicMs = () => {
    nowMs += 10;
    return nowMs;
  };
  return openFirst(of, { candidates, skip, prepare, monotonicMs });
};

const refused = new InterpreterError('model-invalid', 'cannot execute the model');

describe('the chain of runtimes', () => {
  it('selects the first candidate that passes, and reports why the earlier ones were skipped', async () => {
    const active = await open([
      candidate('a', refused),
      candidate('b', reversed),
      candidate('c'),
      candidate('d'),
    ]);
    assert.equal(active.candidate.title, 'c');
    assert.deepEqual(
      active.skipped.map(({ runtime, code }) => [runtime, code]),
      [
        ['a', 'model-invalid'],
        ['b', 'golden-output'],
      ],
    );
    assert.match(active.skipped[1]?.why ?? '', /golden sample cardboard226: /);
    const { samples, firstMs, medianMs } = active.golden;
    assert.deepEqual([samples, firstMs, medianMs], [8, 10, 10]);
  });

  it('closes a candidate that does not pass', async () => {
    let closed = 0;
    const close = async () => {
      closed += 1;
    };
    await open([candidate('b', { ...reversed, close }), candidate('c', { close })]);
    assert.equal(closed, 1);
  });

  it('lists all reasons if no candidate passes, and throws the original error if there is only one', async () => {
    await assert.rejects(open([candidate('a', refused), candidate('b', reversed)]), {
      code: 'no-runtime',
      message: /^bundle waste12 .*: no usable runtime\. a: cannot execute the model \/ b: golden sample/,
    });
    await assert.rejects(open([candidate('a', refused)]), refused);
  });

  it('skips the given runtimes, unless no other is left', async () => {
    const skip = [{ runtime: 'a', why: 'no answer' }];
    const active = await open([candidate('a'), candidate('b')], skip);
    assert.equal(active.candidate.title, 'b');
    assert.deepEqual(active.skipped, skip);
    assert.equal((await open([candidate('a')], skip)).candidate.title, 'a');
  });

  it('does not skip a runtime because of a damaged bundle', async (t) => {
    const folder = await quickBundle(t);
    const damaged = await loadBundle(folder);
    await rm(join(folder, 'golden', 'cardboard226.jpg'));
    await assert.rejects(open([candidate('a'), candidate('b')], [], damaged), { code: 'golden-picture' });
  });

  it('creates the candidates in the documented order', () => {
    const titles = (...options: Parameters<typeof makeVisionOptions>) =>
      candidatesOf(makeVisionOptions(...options)).map(({ title }) => title);
    const auto = { binding: 'auto', library: null } as const;
    assert.deepEqual(titles('', { runtime: 'auto', tflite: auto }), [
      'edgetpu',
      'tflite (LiteRT)',
      'tflite (TensorFlow Lite)',
      'tfjs-node',
      'tfjs-wasm',
    ]);
    assert.deepEqual(titles('', { tflite: auto }), ['tflite (LiteRT)', 'tflite (TensorFlow Lite)']);
    assert.deepEqual(titles('', { runtime: 'tfjs-wasm' }), ['tfjs-wasm']);
  });
});
