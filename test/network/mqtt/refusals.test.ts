import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Publisher } from '../../../device/network/mqtt/mqtt.js';
import { until } from '../../support/until.js';
import { cleanups, fastPublisher } from './publisher-kit.js';
import { brokerFor, faultsOf, start } from './refusals-kit.js';

/** Events that arrived for the first time later than a newer one. */
const inversions = (accepted: readonly number[]): number =>
  accepted.filter((seq, index) => accepted.slice(0, index).some((earlier) => earlier > seq)).length;

describe('a broker that refuses events for good', () => {
  for (const code of [0x80, 0x83, 0x90, 0x99])
    it(`gets the event three times, then the others: 0x${code.toString(16)}`, async () => {
      const broker = await brokerFor((seq) => (seq === 5 || seq === 9 ? code : 0));
      const world = start(broker, 40);
      await until('the others are acknowledged', () => world.outbox.seqs.length === 2);
      await until('both are undeliverable', () => world.outbox.undeliverableSeqs.length === 2);
      assert.deepEqual(world.outbox.undeliverableSeqs, [5, 9]);
      assert.equal(broker.eventSeqs().filter((seq) => seq === 5).length, 3);
      assert.equal(broker.connects.length, 1);
      assert.match(
        world.faults.at(-1) ?? '',
        new RegExp(
          `^event-undeliverable: 2 events could not be delivered.*event 9: .*0x${code.toString(16)}`,
        ),
      );
    });

  it('gets them again after a retry', async () => {
    let refuses = true;
    const broker = await brokerFor((seq) => (refuses && seq === 2 ? 0x99 : 0));
    const world = start(broker, 3);
    await until('the event is undeliverable', () => world.outbox.undeliverableSeqs.length === 1);
    refuses = false;
    world.outbox.retryUndeliverable();
    world.publisher.notifyUndeliverable();
    await world.outbox.empty();
    await until('the fault has ended', () => world.faults.at(-1) === null);
  });

  it('gets them again after a retry during a read of the outbox', async () => {
    let refuses = true;
    const broker = await brokerFor((seq) => (refuses && seq === 2 ? 0x99 : 0));
    const world = start(broker, 3);
    await until('the event is undeliverable', () => world.outbox.undeliverableSeqs.length === 1);
    await until('the others are acknowledged', () => world.outbox.seqs.length === 1);
    refuses = false;
    let endReads = () => {};
    world.outbox.untilReadsEnd = new Promise((resolve) => {
      endReads = resolve;
    });
    const { reads } = world.outbox;
    world.outbox.add();
    world.publisher.notify();
    await until('a read', () => world.outbox.reads > reads);
    world.outbox.retryUndeliverable();
    world.publisher.notifyUndeliverable();
    endReads();
    await world.outbox.empty();
  });

  it('gets no event twice at the same time while the outbox cannot mark it', async () => {
    const broker = await brokerFor((seq) => (seq === 1 ? 0x80 : 0));
    const world = start(broker, 3);
    world.outbox.fail('markUndeliverable', 2);
    await until('the others are acknowledged', () => world.outbox.seqs.length === 1);
    await until('the event is undeliverable', () => world.outbox.undeliverableSeqs.length === 1);
    assert.equal(broker.eventSeqs().filter((seq) => seq === 1).length, 3);
  });

  it('gets one that is too large once: 0x95', async () => {
    const broker = await brokerFor((seq) => (seq === 3 ? 0x95 : 0));
    const world = start(broker, 2);
    world.outbox.add(1, { text: 'x'.repeat(900) });
    world.outbox.add(20);
    await until('the others are acknowledged', () => world.outbox.seqs.length === 1);
    await until('the event is undeliverable', () => world.outbox.undeliverableSeqs.length === 1);
    assert.deepEqual(world.outbox.undeliverableSeqs, [3]);
    assert.equal(broker.eventSeqs().filter((seq) => seq === 3).length, 1);
  });

  it('gets one of an accepted size three times: 0x95', async () => {
    const broker = await brokerFor((seq) => (seq === 3 ? 0x95 : 0));
    const world = start(broker, 9);
    await until('the others are acknowledged', () => world.outbox.seqs.length === 1);
    await until('the event is undeliverable', () => world.outbox.undeliverableSeqs.length === 1);
    assert.deepEqual(world.outbox.undeliverableSeqs, [3]);
    assert.equal(broker.eventSeqs().filter((seq) => seq === 3).length, 3);
  });
});

describe('a broker that refuses events for a time', () => {
  it('gets them in order, each after the one before: 0x97', async () => {
    const accepted: number[] = [];
    const broker = await brokerFor((seq, attempt) => {
      if (seq % 5 === 0 && attempt === 1) return 0x97;
      accepted.push(seq);
      return 0;
    });
    const world = start(broker, 60, { window: 4 });
    await world.outbox.empty();
    assert.deepEqual([...new Set(accepted)].length, accepted.length, 'none is sent twice');
    assert.equal(broker.connects.length, 1);
    // Those that were in flight with a refused event are earlier than it.
    assert.ok(inversions(accepted) <= 12, String(accepted));
    assert.deepEqual(world.outbox.undeliverableSeqs, []);
    assert.equal(world.faults.at(-1), null);
  });

  it('keeps the order with a window of 1', async () => {
    const accepted: number[] = [];
    const broker = await brokerFor((seq, attempt) => {
      if (seq % 5 === 0 && attempt <= 2) return 0x97;
      accepted.push(seq);
      return 0;
    });
    const world = start(broker, 20, { window: 1 });
    await world.outbox.empty();
    assert.equal(inversions(accepted), 0);
  });

  it('gets an event again with a new packet id: 0x91', async () => {
    const ids: (number | undefined)[] = [];
    const broker = await brokerFor((seq, attempt) => (seq === 2 && attempt <= 4 ? 0x91 : 0));
    const { puback } = broker.behaviour;
    broker.behaviour.puback = (publish) => {
      if (publish.topic.endsWith('/event') && publish.payload.toString().includes('"seq":2}'))
        ids.push(publish.messageId);
      return puback(publish);
    };
    const world = start(broker, 3);
    await world.outbox.empty();
    assert.equal(new Set(ids).size, 5);
  });

  it('gets all events when its access rules allow them, without a new connection: 0x87', async () => {
    let isAllowed = false;
    const broker = await brokerFor(() => (isAllowed ? 0 : 0x87));
    const world = start(broker, 30);
    await until('three attempts', () => broker.eventSeqs().filter((seq) => seq === 1).length === 3);
    assert.match(world.faults.at(-1) ?? '', /^mqtt-not-authorised: event \d+: .*0x87/);
    assert.equal(world.publisher.status().connected, true);
    isAllowed = true;
    await world.outbox.empty();
    assert.equal(broker.connects.length, 1);
    assert.equal(world.faults.at(-1), null);
    assert.deepEqual(world.outbox.undeliverableSeqs, []);
  });
});

it('passes over an event that alone is not authorised: 0x87', async () => {
  const broker = await brokerFor((seq) => (seq === 1 ? 0x87 : 0));
  const world = start(broker, 30);
  await until('the others are acknowledged', () => world.outbox.seqs.length === 1);
  await until('the event is undeliverable', () => world.outbox.undeliverableSeqs.length === 1);
  assert.deepEqual(world.outbox.undeliverableSeqs, [1]);
  assert.equal(broker.connects.length, 1);
});

describe('a broker that closes the connection after an event', () => {
  for (const [what, answer, protocolVersion] of [
    ['DISCONNECT 0x99', { disconnect: 0x99 }, 5],
    ['without a reason', { disconnect: 0 }, 4],
  ] as const)
    it(`gets the others: ${what}`, async () => {
      const broker = await brokerFor((seq) => (seq === 7 || seq === 12 ? answer : 0));
      const world = start(broker, 40, { broker: { protocolVersion } });
      await until('the others are acknowledged', () => world.outbox.seqs.length === 2, 20_000);
      assert.deepEqual(world.outbox.undeliverableSeqs, [7, 12]);
    });

  it('gets the others: DISCONNECT 0x95 for the largest', async () => {
    const broker = await brokerFor(() => 0);
    broker.behaviour.puback = ({ payload }) => (payload.length > 800 ? { disconnect: 0x95 } : 0);
    const world = start(broker, 10);
    world.outbox.add(2, { text: 'x'.repeat(900) });
    world.outbox.add(10);
    await until('the others are acknowledged', () => world.outbox.seqs.length === 2);
    await until('both are undeliverable', () => world.outbox.undeliverableSeqs.length === 2);
    assert.deepEqual(world.outbox.undeliverableSeqs.sort(), [11, 12]);
    assert.match(world.faults.at(-1) ?? '', /^event-undeliverable: 2 events/);
  });

  it('gets events of a size that it has accepted: DISCONNECT 0x95, once', async () => {
    const broker = await brokerFor((seq, attempt) =>
      seq === 45 && attempt === 1 ? { disconnect: 0x95 } : 0,
    );
    const world = start(broker, 99);
    await world.outbox.empty();
    assert.deepEqual(world.outbox.undeliverableSeqs, []);
    assert.equal(broker.connects.length, 2);
  });

  it('gets all but the one event of an accepted size for which it closes: DISCONNECT 0x95', async () => {
    const broker = await brokerFor((seq) => (seq === 45 ? { disconnect: 0x95 } : 0));
    const world = start(broker, 99);
    await until('the others are acknowledged', () => world.outbox.seqs.length === 1, 20_000);
    await until('the event is undeliverable', () => world.outbox.undeliverableSeqs.length === 1);
    assert.deepEqual(world.outbox.undeliverableSeqs, [45]);
  });

  it('loses no event if it closes for its own reasons', async () => {
    const broker = await brokerFor((_seq, attempt) => (attempt <= 7 ? { disconnect: 0x8b } : 0));
    const world = start(broker, 3);
    await world.outbox.empty();
    assert.deepEqual(world.outbox.undeliverableSeqs, []);
  });
});

describe('a broker of MQTT 3.1.1 that drops events silently', () => {
  const options = { proveRights: true, broker: { protocolVersion: 4 } } as const;

  it('gets them again until they come back', async () => {
    const broker = await brokerFor(() => 0);
    broker.behaviour.forwards = () => false;
    const world = start(broker, 5, options);
    await until('two attempts', () => broker.eventSeqs().length >= 2);
    assert.deepEqual(world.outbox.seqs, [1, 2, 3, 4, 5]);
    assert.deepEqual([...new Set(broker.eventSeqs())], [1]);
    assert.match(world.faults.at(-1) ?? '', /^mqtt-not-authorised: event 1: .*did not come back/);
    broker.behaviour.forwards = () => true;
    await world.outbox.empty();
    assert.equal(broker.connects.length, 1);
    await until('the subscription has ended', () => broker.filters.length === 0);
    assert.equal(world.faults.at(-1), null);
  });

  it('gets no event before it allows the subscription', async () => {
    const broker = await brokerFor(() => 0);
    broker.behaviour.suback = () => 0x80;
    const world = start(broker, 2, options);
    await until('a fault', () => world.faults.length > 0);
    assert.match(world.faults.at(-1) ?? '', /^mqtt-not-authorised: event 1: .*cannot be read back/);
    assert.deepEqual(broker.eventSeqs(), []);
    broker.behaviour.suback = () => 1;
    await world.outbox.empty();
  });
});

describe('events of a bin that has another id now', () => {
  it('are proven topic by topic with MQTT 3.1.1: the rights on the old topic say nothing of the new one', async () => {
    let isAllowed = false;
    const broker = await brokerFor(() => 0);
    broker.behaviour.forwards = ({ topic }) => isAllowed || topic.includes('/cellar/');
    const options = { proveRights: true, broker: { protocolVersion: 4 } } as const;
    const world = fastPublisher(broker.url, options);
    cleanups.push(() => world.publisher.close());
    const faults = faultsOf(world);
    world.outbox.add(3, { bin: 'cellar' });
    const own = world.outbox.add(3);
    world.publisher.start();
    await until('a fault', () => faults.length > 0);
    assert.match(faults[0] ?? '', /^mqtt-not-authorised: event 4: .*kitchen\/event was acknowledged/);
    assert.deepEqual(world.outbox.seqs, own);
    isAllowed = true;
    await world.outbox.empty();
    assert.equal(faults.at(-1), null);
  });

  it('go to the topic of the id that recorded them', async () => {
    const broker = await brokerFor(() => 0);
    const { outbox, publisher } = fastPublisher(broker.url);
    cleanups.push(() => (publisher as Publisher).close());
    outbox.add(1, { bin: 'cellar' });
    outbox.add(1);
    publisher.start();
    await outbox.empty();
    assert.deepEqual(
      broker.publishes.map(({ topic }) => topic).filter((topic) => topic.endsWith('/event')),
      ['sortbin/cellar/event', 'sortbin/kitchen/event'],
    );
  });
});
