import assert from 'node:assert/strict';
import { test } from 'node:test';
import { infoOf } from '../../device/status/info.js';
import { somePolicy } from '../support/cycle.js';

test('describes the bin under the keys of the format', () => {
  const model = { name: 'waste12', version: '1.0.0', sha256: 'a' };
  const runtime = { name: 'tflite', backend: 'xnnpack', threads: 1 } as const;
  const skipped = [{ runtime: 'edgetpu', why: 'no accelerator' }];
  const info = infoOf({
    bin: { id: 'kitchen', name: 'Kitchen' },
    sortbin: '0.1.0',
    labels: ['paper'],
    policy: somePolicy(),
    active: { model, runtime, title: 'tflite', golden: null, skipped },
    drivers: { gate: 'simulated' },
    capabilities: { fill: ['paper'], trigger: true, updates: false, image: false },
    commands: ['status'],
    config: 'digest',
  });
  const { node: _, compartments, refused, thresholds, ...rest } = info;
  assert.deepEqual(rest, {
    schema: 1,
    bin: { id: 'kitchen', name: 'Kitchen' },
    sortbin: '0.1.0',
    labels: ['paper'],
    drivers: { gate: 'simulated' },
    capabilities: { fill: ['paper'], trigger: true, updates: false, image: false },
    commands: ['status'],
    config: 'digest',
    model,
    runtime,
    golden: null,
    passedOver: skipped,
    fallback: 'residual',
  });
  assert.deepEqual(compartments.paper, ['paper', 'cardboard']);
  assert.deepEqual(refused, ['battery']);
  assert.deepEqual(Object.keys(thresholds), ['confidence', 'margin', 'hazardConfidence']);
});
