import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageIds } from '../../../device/network/mqtt/message-ids.js';

const LARGEST = 65_535;

test('gives increasing ids, and does not reuse a free one before all others', () => {
  const ids = new MessageIds();
  assert.deepEqual([ids.allocate(), ids.allocate()], [1, 2]);
  ids.deallocate(1);
  ids.deallocate(2);
  assert.equal(ids.allocate(), 3);
  assert.equal(ids.getLastAllocated(), 3);
});

test('begins again after the largest id, and skips the ids in use', () => {
  const ids = new MessageIds();
  const inUse = [1, 2, 4];
  for (let id = 1; id <= LARGEST; id++) {
    assert.equal(ids.allocate(), id);
    if (!inUse.includes(id)) ids.deallocate(id);
  }
  assert.deepEqual([ids.allocate(), ids.allocate(), ids.allocate()], [3, 5, 6]);
});

test('gives no id while all are in use, then the first free id', () => {
  const ids = new MessageIds();
  for (let id = 1; id <= LARGEST; id++) ids.allocate();
  assert.equal(ids.allocate(), null);
  ids.deallocate(700);
  assert.equal(ids.allocate(), 700);
  assert.equal(ids.allocate(), null);
});

test('accepts an id from outside once, and continues after the last own one when all become free', () => {
  const ids = new MessageIds();
  assert.ok(ids.register(2));
  assert.ok(!ids.register(2));
  assert.deepEqual([ids.allocate(), ids.allocate()], [1, 3]);
  ids.clear();
  assert.deepEqual([ids.getLastAllocated(), ids.allocate()], [3, 4]);
});
