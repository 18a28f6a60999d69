import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../support/until.js';
import { clockedPublisher, closeAfterTest } from './publisher-kit.js';
import { brokerFor, faultsOf } from './refusals-kit.js';

describe('a broker that refuses all events for a time', () => {
  for (const code of [0x97, 0x87])
    it(`gets them without further pauses once it accepts one: 0x${code.toString(16)}`, async () => {
      let isRefusing = true;
      const broker = await brokerFor(() => (isRefusing ? code : 0));
      const world = closeAfterTest(clockedPublisher(broker.url));
      const faults = faultsOf(world);
      world.outbox.add(40);
      world.publisher.start();
      // An idle connection has two timers: keepalive and safety check. The third one is the pause.
      const paused = () => until('a pause', () => world.clock.waiting === 3);
      await until('a window of events', () => broker.eventSeqs().length === 16);
      await paused();
      isRefusing = false;
      await world.clock.advance(2_000);
      await world.outbox.empty();
      assert.equal(faults.at(-1), null);
      assert.equal(broker.connects.length, 1);
    });
});
