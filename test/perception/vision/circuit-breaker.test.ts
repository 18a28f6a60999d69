import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker } from '../../../device/perception/vision/circuit-breaker.js';

test('two failures in a row bar a runtime; a frame that was answered between them does not', () => {
  const barred = new CircuitBreaker();
  assert.equal(barred.recordFailure('edgetpu', 'hung'), false);
  barred.recordSuccess('edgetpu');
  assert.equal(barred.recordFailure('edgetpu', 'hung'), false);
  assert.deepEqual(barred.skipped(), []);
  assert.equal(barred.recordFailure('edgetpu', 'died'), true);
  assert.deepEqual(barred.skipped(), [
    { runtime: 'edgetpu', why: 'failed 2 times in a row: died; tried again after 60 s', code: 'barred' },
  ]);
  assert.deepEqual(barred.skipped('edgetpu'), []);
});

test('each time it rests twice as long, up to an hour; one answer starts afresh', () => {
  const barred = new CircuitBreaker();
  assert.equal(barred.restMs('edgetpu'), null);
  const rests = Array.from({ length: 8 }, () => {
    barred.open('edgetpu', 'gone');
    return (barred.restMs('edgetpu') ?? 0) / 1000;
  });
  assert.deepEqual(rests, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
  barred.recordSuccess('edgetpu');
  assert.equal(barred.restMs('edgetpu'), null);
});
