import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, done, failed } from '../../../device/kit/errors.js';
import { loadBundle } from '../../../device/perception/inference/bundle/bundle.js';
import { type RuntimeOption, runtimeOptions } from '../../../device/perception/vision/probe.js';
import type { VisionInfo } from '../../../device/perception/vision/vision.js';
import { verdictOf } from '../../../device/tools/doctor/doctor.js';
import { examineRuntimes, type RuntimesOptions } from '../../../device/tools/doctor/runtimes.js';
import { factoryBundle } from '../../support/bundle-copy.js';
import { makeVisionOptions } from '../../support/vision-options.js';

describe('the runtimes', () => {
  const serves = (title: string): VisionInfo => ({
    model: { name: 'm', version: '1.0.0', sha256: '' },
    runtime: { name: 'tflite', backend: title, threads: 2 },
    title,
    golden: {
      samples: 8,
      exact: false,
      logitDifference: 0.25,
      embeddingCosine: 0.998,
      firstMs: 10,
      medianMs: 5,
    },
    skipped: [{ runtime: 'fast kernels', why: 'not here' }],
  });
  const examine = async (
    answers: Record<string, Answer<VisionInfo>>,
    wanted: RuntimesOptions['selection'] = { by: 'auto', allows: () => true },
  ) => {
    const tried: string[] = [];
    const section = await examineRuntimes({
      candidates: runtimeOptions(makeVisionOptions('/bundle')),
      bundle: await loadBundle(factoryBundle()),
      selection: wanted,
      probe: async ({ title }) => {
        tried.push(title);
        return answers[title] ?? failed('native-unsupported', 'not for this machine');
      },
      exitCodes: { damaged: 65, unavailable: 69 },
    });
    const takes = section.checks.filter(({ taken }) => taken).map(({ name }) => name);
    return { section, tried, takes, statuses: section.checks.map(({ status }) => status) };
  };
  const both = {
    'tflite (TensorFlow Lite)': done(serves('tflite (TensorFlow Lite)')),
    'tfjs-wasm': done(serves('tfjs-wasm')),
  };

  it('are tried in the order of auto where the bundle has a model; the first that serves is taken', async () => {
    const { section, tried, takes, statuses } = await examine(both);
    assert.deepEqual(tried, ['tflite (LiteRT)', 'tflite (TensorFlow Lite)', 'tfjs-node', 'tfjs-wasm']);
    assert.deepEqual(takes, ['tflite (TensorFlow Lite)']);
    assert.deepEqual(statuses, ['note', 'note', 'ok', 'note', 'ok', 'ok']);
    assert.equal(
      section.checks[2]?.text,
      'serves: tflite (TensorFlow Lite), 2 threads; 8 golden samples, within tolerance (logits at most 0.250 off, ' +
        'cosine 0.99800); 10.0 ms, then 5.0 ms; not on fast kernels: not here',
    );
    assert.equal(verdictOf([section]), 0);
  });

  it('are taken only where the configuration allows it', async () => {
    const allowed = (name: string) => ({
      by: name,
      allows: ({ runtime }: RuntimeOption) => runtime === name,
    });
    assert.deepEqual((await examine(both, allowed('tfjs-wasm'))).takes, ['tfjs-wasm']);
    const { takes, statuses, section } = await examine(both, allowed('tfjs-node'));
    assert.deepEqual(takes, []);
    assert.deepEqual(statuses, ['note', 'note', 'ok', 'fail', 'ok', 'fail']);
    assert.equal(verdictOf([section]), 69);
  });

  it('fail for the bundle where that is what is damaged', async () => {
    const damaged = failed('golden-picture', 'golden/a.jpg is missing');
    const { section } = await examine({ 'tflite (LiteRT)': damaged });
    assert.equal(verdictOf([section]), 65);
  });
});
