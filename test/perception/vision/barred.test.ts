import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Barred } from '../../../device/perception/vision/barred.js';

test('two failures in a row bar a runtime; a frame that was answered between them does not', () => {
  const barred = new Barred();
  assert.equal(barred.strike('edgetpu', 'hung'), false);
  barred.answered('edgetpu');
  assert.equal(barred.strike('edgetpu', 'hung'), false);
  assert.deepEqual(barred.skip(), []);
  assert.equal(barred.strike('edgetpu', 'died'), true);
  assert.deepEqual(barred.skip(), [
    { runtime: 'edgetpu', why: 'failed 2 times in a row: died; tried again after 60 s', code: 'barred' },
  ]);
  assert.deepEqual(barred.skip('edgetpu'), []);
});

test('each time it rests twice as long, up to an hour; one answer starts afresh', () => {
  const barred = new Barred();
  assert.equal(barred.restMs('edgetpu'), null);
  const rests = Array.from({ length: 8 }, () => {
    barred.bar('edgetpu', 'gone');
    return (barred.restMs('edgetpu') ?? 0) / 1000;
  });
  assert.deepEqual(rests, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
  barred.answered('edgetpu');
  assert.equal(barred.restMs('edgetpu'), null);
});
