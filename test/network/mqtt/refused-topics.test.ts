import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AedesBroker } from '../../support/network/aedes-broker.js';
import { until } from '../../support/until.js';
import { cleanups, clockedPublisher, closeAfterTest, fastPublisher, online } from './publisher-kit.js';
import { brokerFor, faultsOf, start } from './refusals-kit.js';

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

describe('a broker that allows no event of an earlier id', () => {
  const denied = async (isDenied: () => boolean) => {
    const broker = await brokerFor(() => 0);
    const { puback } = broker.behaviour;
    broker.behaviour.puback = (publish) => {
      const answer = puback(publish);
      return isDenied() && publish.topic.includes('/cellar/') ? 0x87 : answer;
    };
    broker.behaviour.forwards = ({ topic }) => !(isDenied() && topic.includes('/cellar/'));
    return broker;
  };

  for (const [version, options] of [
    ['5', {}],
    ['3.1.1', { proveRights: true, broker: { protocolVersion: 4 } }],
  ] as const)
    it(`gets those of the new id, and the others when it allows them: MQTT ${version}`, async () => {
      let isDenied = true;
      const broker = await denied(() => isDenied);
      const world = closeAfterTest(fastPublisher(broker.url, options));
      const faults = faultsOf(world);
      const old = world.outbox.add(200, { bin: 'cellar' });
      world.outbox.add(100);
      world.publisher.start();
      await until('the events of the new id', () => world.outbox.seqs.length === old.length);
      assert.deepEqual(world.outbox.seqs, old);
      await until('a fault', () => faults.length > 0);
      assert.match(faults[0] ?? '', /^mqtt-not-authorised: event \d+: .*cellar\/event/);
      assert.ok(broker.eventSeqs().filter((seq) => seq <= 200).length < 100);
      const [newer] = world.outbox.add(1);
      world.publisher.notify();
      await until('a newer event', () => world.outbox.seqs.at(-1) !== newer);
      assert.notEqual(faults.at(-1), null);
      isDenied = false;
      await world.outbox.empty();
      await until('the fault has ended', () => faults.at(-1) === null);
      assert.deepEqual(world.outbox.undeliverableSeqs, []);
      assert.equal(broker.connects.length, 1);
    });

  it('gets one of them after growing pauses', async () => {
    const broker = await denied(() => true);
    const world = closeAfterTest(clockedPublisher(broker.url, { window: 1 }));
    world.outbox.add(1, { bin: 'cellar' });
    world.publisher.start();
    const attempts = () => broker.eventSeqs().length;
    await until('an attempt', () => attempts() === 1);
    // Halfway between one second and a ceiling of 2, 4 and 8 seconds.
    for (const [index, pauseMs] of [1_500, 2_500, 4_500].entries()) {
      await until('a pause', () => world.clock.waiting === 3);
      await world.clock.advance(pauseMs - 1);
      assert.equal(attempts(), index + 1);
      await world.clock.advance(1);
      await until('an attempt', () => attempts() === index + 2);
    }
  });
});

it('sets aside an event that alone is not authorised, also with a window of 1: 0x87', async () => {
  const broker = await brokerFor((seq) => (seq === 1 ? 0x87 : 0));
  const world = start(broker, 10, { window: 1 });
  await until('the others are acknowledged', () => world.outbox.seqs.length === 1);
  await until('the event is undeliverable', () => world.outbox.undeliverableSeqs.length === 1);
  assert.deepEqual(world.outbox.undeliverableSeqs, [1]);
});

describe('a broker that closes the connection because of its access rules', () => {
  for (const [how, proveRights] of [
    ['with the proof of the rights', true],
    ['without it', false],
  ] as const)
    it(`gets all events when it allows them, ${how}`, async () => {
      let isAllowed = false;
      const broker = await new AedesBroker().start();
      cleanups.push(() => broker.stop());
      broker.isAllowed = (topic) => isAllowed || !topic.endsWith('/event');
      const world = closeAfterTest(fastPublisher(broker.url, { proveRights }));
      const faults = faultsOf(world);
      const seqs = world.outbox.add(40);
      world.publisher.start();
      await until('the fault', () => faults.at(-1)?.startsWith('mqtt-not-authorised: event ') === true);
      assert.match(
        faults.at(-1) ?? '',
        /after this event alone was sent.*check the access rules of the broker\.$/,
      );
      assert.deepEqual(world.outbox.undeliverableSeqs, []);
      isAllowed = true;
      await world.outbox.empty();
      assert.deepEqual(
        [...new Set(broker.eventSeqs())].sort((a, b) => a - b),
        seqs,
      );
      await until('the fault has ended', () => faults.at(-1) === null);
      assert.deepEqual(world.outbox.undeliverableSeqs, []);
    });

  it('gets the events of the new id, if it closes only after those of an earlier one', async () => {
    const broker = await new AedesBroker().start();
    cleanups.push(() => broker.stop());
    broker.isAllowed = (topic) => !topic.endsWith('/cellar/event');
    const world = closeAfterTest(fastPublisher(broker.url));
    const old = world.outbox.add(40, { bin: 'cellar' });
    world.outbox.add(40);
    world.publisher.start();
    await until('the events of the new id', () => world.outbox.seqs.length === old.length);
    assert.deepEqual(world.outbox.seqs, old);
    assert.deepEqual(world.outbox.undeliverableSeqs, []);
  });

  it('gets all events when it allows them: DISCONNECT 0x87', async () => {
    let isAllowed = false;
    const broker = await brokerFor(() => (isAllowed ? 0 : { disconnect: 0x87 }));
    const world = start(broker, 40);
    await until('the fault', () => world.faults.at(-1)?.startsWith('mqtt-not-authorised: ') === true);
    isAllowed = true;
    await world.outbox.empty();
    assert.deepEqual(world.outbox.undeliverableSeqs, []);
  });
});

it('keeps the only event until another one has passed, if the broker closes because of it', async () => {
  const broker = await brokerFor((seq) => (seq === 1 ? { disconnect: 0x80 } : 0));
  const world = start(broker, 1);
  await until('a fault', () => world.faults.at(-1)?.startsWith('event-refused: event 1: ') === true);
  assert.deepEqual(world.outbox.undeliverableSeqs, []);
  world.outbox.add();
  world.publisher.notify();
  await until('the other event', () => world.outbox.seqs.length === 1);
  await until('the event is undeliverable', () => world.outbox.undeliverableSeqs.length === 1);
  assert.deepEqual(world.outbox.undeliverableSeqs, [1]);
});

describe('a broker that acknowledges all events but one', () => {
  for (const [version, options] of [
    ['5', {}],
    ['3.1.1', { proveRights: true, broker: { protocolVersion: 4 } }],
  ] as const)
    it(`gets the others: MQTT ${version}`, async () => {
      const broker = await brokerFor((seq) => (seq === 1 ? 'none' : 0));
      const world = start(broker, 110, { pubackDeadlineMs: 60, ...options });
      await until('a fault', () => world.faults.some((fault) => fault?.includes('event 1: broker')));
      // If all others were acknowledged before, only another event shows that the broker works.
      world.outbox.add();
      world.publisher.notify();
      await until('the event is undeliverable', () => world.outbox.undeliverableSeqs.length === 1);
      assert.deepEqual(world.outbox.undeliverableSeqs, [1]);
      await until('the others are acknowledged', () => world.outbox.seqs.length === 1);
      await online(world.publisher);
      const { length } = broker.connects;
      world.outbox.add();
      world.publisher.notify();
      await until('a newer event', () => world.outbox.seqs.length === 1);
      assert.equal(broker.connects.length, length);
    });
});

it('keeps all events if the broker acknowledges none for a long time', async () => {
  let isSilent = true;
  const broker = await brokerFor(() => (isSilent ? 'none' : 0));
  const world = start(broker, 40, { pubackDeadlineMs: 60 });
  await until('a fault', () => world.faults.at(-1)?.startsWith('event-refused: event ') === true);
  await until(
    'an attempt with the third event',
    () => broker.eventSeqs().filter((seq) => seq === 3).length > 2,
  );
  isSilent = false;
  await world.outbox.empty();
  assert.deepEqual(world.outbox.undeliverableSeqs, []);
});
