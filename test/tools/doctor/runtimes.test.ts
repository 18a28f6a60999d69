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

describe('examineRuntimes', () => {
  const visionInfo = (title: string): VisionInfo => ({
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
    const tested: string[] = [];
    const section = await examineRuntimes({
      candidates: runtimeOptions(makeVisionOptions('/bundle')),
      bundle: await loadBundle(factoryBundle()),
      selection: wanted,
      probe: async ({ title }) => {
        tested.push(title);
        return answers[title] ?? failed('native-unsupported', 'not for this machine');
      },
      exitCodes: { damaged: 65, unavailable: 69 },
    });
    const selected = section.checks.filter(({ taken }) => taken).map(({ name }) => name);
    return { section, tested, selected, statuses: section.checks.map(({ status }) => status) };
  };
  const both = {
    'tflite (TensorFlow Lite)': done(visionInfo('tflite (TensorFlow Lite)')),
    'tfjs-wasm': done(visionInfo('tfjs-wasm')),
  };

  it('tests the runtimes for which the bundle has a model, and selects the first usable one', async () => {
    const { section, tested, selected, statuses } = await examine(both);
    assert.deepEqual(tested, ['tflite (LiteRT)', 'tflite (TensorFlow Lite)', 'tfjs-node', 'tfjs-wasm']);
    assert.deepEqual(selected, ['tflite (TensorFlow Lite)']);
    assert.deepEqual(statuses, ['note', 'note', 'ok', 'note', 'ok', 'ok']);
    assert.equal(
      section.checks[2]?.text,
      'usable: tflite (TensorFlow Lite), 2 threads. 8 golden samples passed within tolerance (largest logit difference ' +
        '0.250, smallest cosine 0.99800). First run 10.0 ms, then 5.0 ms. Skipped fast kernels: not here.',
    );
    assert.equal(verdictOf([section]), 0);
    const { name: _, status: __, text: ___, golden: ____, ...json } = section.checks[2] ?? {};
    assert.deepEqual(json, {
      runtime: 'tflite',
      binding: 'tensorflowlite',
      allowed: true,
      taken: true,
      serves: true,
      backend: 'tflite (TensorFlow Lite)',
      threads: 2,
      passedOver: [{ runtime: 'fast kernels', why: 'not here' }],
    });
  });

  it('selects only a runtime that the configuration allows', async () => {
    const allowed = (name: string) => ({
      by: name,
      allows: ({ runtime }: RuntimeOption) => runtime === name,
    });
    assert.deepEqual((await examine(both, allowed('tfjs-wasm'))).selected, ['tfjs-wasm']);
    const { selected, statuses, section } = await examine(both, allowed('tfjs-node'));
    assert.deepEqual(selected, []);
    assert.deepEqual(statuses, ['note', 'note', 'ok', 'fail', 'ok', 'fail']);
    assert.equal(verdictOf([section]), 69);
  });

  it('returns the exit code of a damaged bundle if a golden image is damaged', async () => {
    const damaged = failed('golden-picture', 'golden/a.jpg is missing');
    const { section } = await examine({ 'tflite (LiteRT)': damaged });
    assert.equal(verdictOf([section]), 65);
  });
});
