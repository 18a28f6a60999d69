import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Backoff } from '../../../device/kit/backoff.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { BlockedTopics, type Obstacle } from '../../../device/network/mqtt/blocked-topics.js';
import { DeliveryHealth } from '../../../device/network/mqtt/delivery-health.js';

const TOPIC = 'sortbin/bin/event';
const fault = { code: 'mqtt-not-authorised', message: 'refused' } as const;
const obstacle: Obstacle = { fault, isForAll: false, suggestsRights: true };

it('tries the three oldest events of a blocked topic, although newer ones became known before', async () => {
  const clock = new SimulatedClock();
  const health = new DeliveryHealth();
  const blocked = new BlockedTopics(clock, () => new Backoff({ minMs: 1_000, maxMs: 1_000 }), health);
  const event = (seq: number) => ({ id: `${seq}`, bin: 'bin', epoch: 'e', seq, json: '{}' });
  blocked.onFailed(TOPIC, event(1), obstacle);
  for (const seq of [17, 18]) blocked.onWaiting(TOPIC, event(seq));
  for (const seq of [2, 3, 4]) blocked.onFailed(TOPIC, event(seq), obstacle);
  await clock.advance(5_000);
  const tried: number[] = [];
  for (let next = blocked.next(); next && blocked.dueInMs === 0 && tried.length < 5; next = blocked.next()) {
    tried.push(next.seq);
    blocked.onFailed(TOPIC, next, obstacle);
  }
  assert.deepEqual(tried, [1, 2, 3]);
});
