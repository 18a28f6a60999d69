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
import { decode, findRegion, resize } from '../../../device/perception/vision/preprocess.js';
import { factoryBundle, quickBundle } from '../../support/bundle-copy.js';
import { serving } from '../../support/vision-options.js';

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

const prepare = async (file: Uint8Array): Promise<Uint8Array> => {
  const picture = await decode(file);
  assert.ok(picture.ok);
  return resize(picture.value, findRegion(picture.value), bundle.manifest.input);
};

/** Opens the real interpreter, changed. */
const candidate = (title: string, change: Partial<Interpreter> | Error = {}): Candidate => ({
  runtime: 'tflite',
  title,
  open: async () => {
    if (change instanceof Error) throw change;
    return {
      backend: title,
      threads: 1,
      passedOver: [],
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

const refused = new InterpreterError('model-invalid', 'it does not take the model');

describe('the chain of runtimes', () => {
  it('takes the first that passes, and says of each one before it why not', async () => {
    const served = await open([
      candidate('a', refused),
      candidate('b', reversed),
      candidate('c'),
      candidate('d'),
    ]);
    assert.equal(served.candidate.title, 'c');
    assert.deepEqual(
      served.skipped.map(({ runtime, code }) => [runtime, code]),
      [
        ['a', 'model-invalid'],
        ['b', 'golden-output'],
      ],
    );
    assert.match(served.skipped[1]?.why ?? '', /golden sample cardboard226: /);
    const { samples, firstMs, medianMs } = served.golden;
    assert.deepEqual([samples, firstMs, medianMs], [8, 10, 10]);
  });

  it('closes what did not pass', async () => {
    let closed = 0;
    const close = async () => {
      closed += 1;
    };
    await open([candidate('b', { ...reversed, close }), candidate('c', { close })]);
    assert.equal(closed, 1);
  });

  it('names all of them where none serves; the error itself where there is one alone', async () => {
    await assert.rejects(open([candidate('a', refused), candidate('b', reversed)]), {
      code: 'no-runtime',
      message: /no runtime serves bundle waste12 .*: a: it does not take the model; b: golden sample/,
    });
    await assert.rejects(open([candidate('a', refused)]), refused);
  });

  it('leaves out what is skipped, unless nothing else is left', async () => {
    const skip = [{ runtime: 'a', why: 'it hung' }];
    const served = await open([candidate('a'), candidate('b')], skip);
    assert.equal(served.candidate.title, 'b');
    assert.deepEqual(served.skipped, skip);
    assert.equal((await open([candidate('a')], skip)).candidate.title, 'a');
  });

  it('blames no runtime for a bundle that is damaged', async (t) => {
    const folder = await quickBundle(t);
    const damaged = await loadBundle(folder);
    await rm(join(folder, 'golden', 'cardboard226.jpg'));
    await assert.rejects(open([candidate('a'), candidate('b')], [], damaged), { code: 'golden-picture' });
  });

  it('has its candidates in the order of the options', () => {
    const titles = (...options: Parameters<typeof serving>) =>
      candidatesOf(serving(...options)).map(({ title }) => title);
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
