import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { StatsPublisher } from '../../device/daemon/stats-publisher.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import type { StatsMessage } from '../../device/status/stats-message.js';
import { readableLog } from '../network/mqtt/publisher-kit.js';

const HOUR_MS = 3_600_000;

/** The publisher loses its connection a second after a message if `isClosing`, and has a new one at once. */
const start = async (t: TestContext, isClosing: () => boolean, isReachable = () => true) => {
  const clock = new SimulatedClock();
  const { log, lines } = readableLog();
  const sentMs: number[] = [];
  const state = { connected: true, connections: 1 };
  const publisher = {
    status: () => ({ ...state, connected: state.connected && isReachable(), lastError: null }),
    publish: async (topic: unknown, _: unknown, options?: { readonly qos?: 0 | 1 }) => {
      assert.deepEqual([topic, options], ['stats', { qos: 0 }]);
      sentMs.push(clock.monotonicMs());
      if (isClosing())
        clock.after(1_000, () => {
          state.connections += 1;
        });
      return { ok: true as const, value: undefined };
    },
  };
  const collect = async () => ({}) as StatsMessage;
  const stats = new StatsPublisher({ collect, publisher, clock, log });
  t.after(() => stats.stop());
  await stats.start();
  const advance = async (minutes: number) => {
    for (let second = 0; second < minutes * 60; second++) await clock.advance(1_000);
  };
  return { advance, sentMs, lines, stats };
};

describe('the publisher of the topic "stats"', () => {
  it('makes a pause of an hour if the connection is lost after five messages in a row', async (t) => {
    let isClosing = true;
    const { advance, sentMs, lines } = await start(t, () => isClosing);
    await advance(30);
    assert.equal(sentMs.length, 5);
    assert.match(lines.map(({ msg }) => msg).join(), /^no statistics for an hour: /);
    isClosing = false;
    await advance(40);
    const [last = 0, first = 0] = [sentMs[4], sentMs[5]];
    assert.ok(first - last >= HOUR_MS, `${first - last}`);
    assert.ok(sentMs.length > 7);
    assert.equal(lines.length, 1);
  });

  it('continues if only some connections are lost, and while the broker is unreachable', async (t) => {
    let messages = 0;
    const some = await start(t, () => messages++ % 3 > 0);
    await some.advance(20);
    assert.equal(some.sentMs.length, 20);
    const unreachable = await start(
      t,
      () => false,
      () => false,
    );
    await unreachable.advance(20);
    assert.equal(unreachable.sentMs.length, 20);
    assert.deepEqual([...some.lines, ...unreachable.lines], []);
  });

  it('sends nothing after its stop', async (t) => {
    const { advance, sentMs, stats } = await start(t, () => false);
    await stats.stop();
    await advance(2);
    assert.deepEqual(sentMs, []);
  });
});
