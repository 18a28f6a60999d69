import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker } from '../../../device/perception/vision/circuit-breaker.js';

test('opens after two failures in a row, unless a frame was answered between them', () => {
  const breaker = new CircuitBreaker();
  assert.equal(breaker.recordFailure('edgetpu', 'no answer'), false);
  breaker.recordSuccess('edgetpu');
  assert.equal(breaker.recordFailure('edgetpu', 'no answer'), false);
  assert.deepEqual(breaker.skipped(), []);
  assert.equal(breaker.recordFailure('edgetpu', 'crashed'), true);
  assert.deepEqual(breaker.skipped(), [
    {
      runtime: 'edgetpu',
      why: 'next attempt after 60 s. Reason: 2 failures in a row: crashed',
      code: 'barred',
    },
  ]);
  assert.deepEqual(breaker.skipped('edgetpu'), []);
});

test('doubles the cool-down time up to an hour, and an answered frame resets it', () => {
  const breaker = new CircuitBreaker();
  assert.equal(breaker.cooldownMs('edgetpu'), null);
  const cooldowns = Array.from({ length: 8 }, () => {
    breaker.open('edgetpu', 'gone');
    return (breaker.cooldownMs('edgetpu') ?? 0) / 1000;
  });
  assert.deepEqual(cooldowns, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
  breaker.recordSuccess('edgetpu');
  assert.equal(breaker.cooldownMs('edgetpu'), null);
});
