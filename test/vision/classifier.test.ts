import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { Classifier } from '../../device/vision/classifier.js';
import { copyBundle, factoryBundle, quickBundle } from '../inference/bundle-copy.js';

const paper = await readFile(join(factoryBundle(), 'golden', 'paper26.jpg'));

test('several views: their logits are averaged', async (t) => {
  const logScores = async (views: number[]): Promise<number[]> => {
    const bundle = await quickBundle(t, (manifest) => {
      manifest.views = views;
    });
    const classifier = await Classifier.open({ bundle, runtime: 'tflite', threads: 1 }, new SimulatedClock());
    t.after(() => classifier.close());
    const answer = await classifier.classify(paper);
    assert.ok(answer.ok);
    return Object.values(answer.value.scores).map(Math.log);
  };
  const [whole, centre, both] = [await logScores([1]), await logScores([0.75]), await logScores([1, 0.75])];
  assert.notDeepEqual(whole, centre);
  // ln(score) is logit / temperature but for one constant: what lies between two labels is the mean of the views'.
  for (let label = 1; label < both.length; label++) {
    const gap = (of: number[]) => (of[label] ?? Number.NaN) - (of[0] ?? Number.NaN);
    assert.ok(Math.abs(gap(both) - (gap(whole) + gap(centre)) / 2) < 1e-9);
  }
});

test('a bundle without a model for the CPU is refused', async (t) => {
  const bundle = await copyBundle(t, (manifest) => {
    const { runtimes } = manifest;
    Object.assign(manifest, { runtimes: { edgetpu: runtimes.tflite } });
  });
  await assert.rejects(Classifier.open({ bundle, runtime: 'auto', threads: 1 }, new SimulatedClock()), {
    code: 'bundle-incompatible',
    message: /waste12 0\.2\.0 has no model for tflite, only for edgetpu/,
  });
});

test('what serves is said, and why faster runtimes do not, unless one was chosen', async (t) => {
  const open = async (bundle: string, runtime: 'auto' | 'tflite') => {
    const classifier = await Classifier.open({ bundle, runtime, threads: 1 }, new SimulatedClock());
    t.after(() => classifier.close());
    assert.deepEqual(classifier.info.runtime, { name: 'tflite', backend: 'xnnpack-2.9', threads: 1 });
    return classifier.info.passedOver;
  };
  assert.deepEqual(await open(await quickBundle(t), 'auto'), [
    { runtime: 'edgetpu', why: 'bundle waste12 0.2.0 has no model for it' },
  ]);
  const bundle = await quickBundle(t, (manifest) => {
    Object.assign(manifest.runtimes, { edgetpu: manifest.runtimes.tflite });
  });
  assert.deepEqual(await open(bundle, 'tflite'), []);
  assert.match((await open(bundle, 'auto'))[0]?.why ?? '', /does not drive the Edge TPU/);
});
