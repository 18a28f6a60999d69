import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { loadBundle } from '../../../device/perception/inference/bundle/bundle.js';
import { Classifier } from '../../../device/perception/vision/classifier.js';
import { copyBundle, factoryBundle, quickBundle } from '../../support/bundle-copy.js';
import { makeVisionOptions } from '../../support/vision-options.js';

const paper = await readFile(join(factoryBundle(), 'golden', 'paper26.jpg'));

test('averages the logits of several views', async (t) => {
  const logScores = async (views: number[]): Promise<number[]> => {
    const bundle = await quickBundle(t, (manifest) => {
      manifest.views = views;
    });
    const classifier = await Classifier.open(makeVisionOptions(bundle), new SimulatedClock());
    t.after(() => classifier.close());
    const answer = await classifier.classify(paper);
    assert.ok(answer.ok);
    return Object.values(answer.value.scores).map(Math.log);
  };
  const [whole, centre, both] = [await logScores([1]), await logScores([0.75]), await logScores([1, 0.75])];
  assert.notDeepEqual(whole, centre);
  // ln(score) is logit / temperature plus a constant. The difference of two labels is therefore the mean of the views.
  for (let label = 1; label < both.length; label++) {
    const gap = (of: number[]) => (of[label] ?? Number.NaN) - (of[0] ?? Number.NaN);
    assert.ok(Math.abs(gap(both) - (gap(whole) + gap(centre)) / 2) < 1e-9);
  }
});

test('refuses a bundle without a model for the configured runtime', async (t) => {
  const bundle = await copyBundle(t, (manifest) => {
    const { runtimes } = manifest;
    Object.assign(manifest, { runtimes: { edgetpu: runtimes.tflite } });
  });
  await assert.rejects(Classifier.open(makeVisionOptions(bundle), new SimulatedClock()), {
    code: 'bundle-incompatible',
    message: /waste12 \S+: no model for tflite\. Available are edgetpu\./,
  });
});

test('reports the active runtime, its golden sample results, and why faster runtimes were skipped', async (t) => {
  const tried: string[] = [];
  const bundle = await quickBundle(t);
  const classifier = await Classifier.open(
    makeVisionOptions(bundle, { runtime: 'auto', tflite: { binding: 'auto', library: null } }),
    new SimulatedClock(),
    ({ title }) => tried.push(title),
  );
  t.after(() => classifier.close());
  const { version } = (await loadBundle(bundle)).manifest;
  const { runtime, title, golden, skipped } = classifier.info;
  assert.equal(runtime.name, 'tflite');
  assert.equal(title, 'tflite (LiteRT)');
  assert.equal(golden?.samples, 1);
  assert.equal(golden?.logitDifference, 0);
  assert.deepEqual(skipped, [
    {
      runtime: 'edgetpu',
      why: `bundle waste12 ${version}: no model for edgetpu. Available are tflite. Install a bundle that has one.`,
      code: 'bundle-incompatible',
    },
  ]);
  assert.deepEqual(tried, ['tflite (LiteRT)'], 'a runtime without a model is not reported as tried');
});
