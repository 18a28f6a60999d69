import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoughBroker } from '../../support/network/rough-broker.js';
import { until } from '../../support/until.js';
import { cleanups, clockedPublisher, closeAfterTest, fastPublisher, startBroker } from './publisher-kit.js';

const noEventAck: RoughBroker['behaviour']['puback'] = ({ topic }) => (topic.endsWith('/event') ? 'none' : 0);

test('drops the connection, but keeps the event, if no PUBACK arrives before the deadline', async () => {
  const broker = await startBroker({ puback: noEventAck });
  const { publisher, outbox, clock, lines, health } = clockedPublisher(broker.url);
  const seqs = outbox.add(3);
  publisher.start();
  await until('the events', () => broker.eventSeqs().length === 3);
  await clock.advance(9_999);
  assert.equal(broker.connects.length, 1);
  assert.deepEqual(outbox.seqs, seqs);
  broker.behaviour.puback = () => 0;
  await clock.advance(1);
  await until('the connection is gone', () => broker.connections === 0);
  assert.match(
    String(publisher.status().lastError),
    /^broker mqtt:.*: no PUBACK for sortbin\/kitchen\/event within 10000 ms$/,
  );
  assert.deepEqual(lines, []);
  assert.deepEqual(health, [`no-puback: ${publisher.status().lastError}`]);
  await clock.advance(2_000);
  await outbox.empty();
  assert.deepEqual(health.slice(1), [null]);
  assert.deepEqual(broker.eventSeqs(), [...seqs, ...seqs]);
  assert.equal(broker.connects.length, 2);
  await publisher.close();
  assert.equal(clock.waiting, 0);
});

test('sends the events to a broker that refuses state and info', async () => {
  const broker = await startBroker({ puback: ({ topic }) => (topic.endsWith('/event') ? 0 : 0x87) });
  const { publisher, outbox, lines } = closeAfterTest(fastPublisher(broker.url));
  outbox.add(20);
  publisher.retain('info', { version: '1' });
  publisher.retain('state', { fill: 1 });
  publisher.start();
  await outbox.empty();
  await until('three refusals are logged', () => lines.length === 3);
  assert.equal(broker.connects.length, 1);
});

test('keeps an event that only a late second PUBACK of an earlier message could acknowledge', async () => {
  const seqOf = (payload: unknown) => JSON.parse(String(payload)).seq as number;
  const broker = await startBroker({
    doublesAcks: true,
    puback: ({ topic, payload }) => (topic.endsWith('/event') && seqOf(payload) === 3 ? 'none' : 0),
  });
  const { publisher, outbox } = closeAfterTest(clockedPublisher(broker.url, { window: 1 }));
  publisher.start();
  for (const last of [1, 2]) {
    outbox.add();
    publisher.notify();
    await outbox.empty();
    assert.equal(broker.eventSeqs().at(-1), last);
  }
  outbox.add();
  publisher.notify();
  await until('the third event', () => broker.eventSeqs().length === 3);
  for (let round = 0; round < 3; round++) await publisher.publish('stats', '1');
  assert.deepEqual(outbox.seqs, [3]);
});

test('does not send an acknowledged event again if the outbox fails to remove it', async () => {
  const broker = await startBroker();
  const { publisher, outbox, clock, lines } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  outbox.fail('acknowledge', 3);
  outbox.add();
  publisher.start();
  await until('the acknowledgement fails', () =>
    lines.some(({ msg }) => /failed to remove acknowledged events/.test(msg)),
  );
  broker.cut();
  await until('the loss is detected', () => !publisher.status().connected);
  await clock.advance(2_000);
  await until('connected', () => publisher.status().connected);
  outbox.add();
  publisher.notify();
  await until('the next event', () => broker.eventSeqs().includes(2));
  assert.ok(outbox.seqs.includes(1));
  await clock.advance(10_000);
  await outbox.empty();
  assert.deepEqual(broker.eventSeqs(), [1, 2]);
});

test('sends the events of a new epoch on the same connection, whatever the broker acknowledges late', async () => {
  const broker = await startBroker();
  const { publisher, outbox } = closeAfterTest(clockedPublisher(broker.url));
  outbox.add();
  publisher.start();
  await outbox.empty();
  broker.holdAcks();
  outbox.add(2);
  publisher.notify();
  await until('three events are sent', () => broker.eventSeqs().length === 3);
  outbox.beginEpoch();
  outbox.add(3);
  broker.stopHoldingAcks();
  await until('the late acknowledgements', () => outbox.acknowledged.flat().length === 3);
  assert.deepEqual(outbox.seqs, [1, 2, 3], 'they are for events of the earlier epoch');
  publisher.notify();
  await outbox.empty();
  assert.deepEqual(broker.eventSeqs(), [1, 2, 3, 1, 2, 3]);
  assert.equal(broker.connects.length, 1);
});

test('limits the unacknowledged events to the window, and acknowledges them in batches', async () => {
  const broker = await startBroker();
  broker.holdAcks();
  const { publisher, outbox, clock } = clockedPublisher(broker.url, { window: 5 });
  outbox.add(20);
  publisher.start();
  while (outbox.seqs.length > 0) {
    await until('something to acknowledge', () => broker.heldAcks > 0 || outbox.seqs.length === 0);
    broker.releaseAcks();
  }
  broker.stopHoldingAcks();
  assert.deepEqual(
    broker.eventSeqs(),
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
  assert.ok(broker.mostUnacknowledged <= 5, `${broker.mostUnacknowledged} at once`);
  assert.ok(outbox.acknowledged.length < 20, `${outbox.acknowledged.length} calls for 20 events`);
  await publisher.close();
  assert.equal(clock.waiting, 0);
});

test('removes acknowledged events from the outbox while others are in flight', async () => {
  const broker = await startBroker();
  const { publisher, outbox } = closeAfterTest(clockedPublisher(broker.url));
  broker.behaviour.puback = ({ topic, payload }) =>
    topic.endsWith('/event') && JSON.parse(String(payload)).seq > 3 ? 'none' : 0;
  outbox.add(6);
  publisher.start();
  await until('three events remain', () => outbox.seqs.length === 3);
});

for (const [window, most] of [
  [16, 64],
  [100, 100],
] as const)
  test(`sends at most ${most} events that a crash would send again, with a window of ${window}`, async () => {
    const broker = await startBroker();
    const { publisher, outbox } = closeAfterTest(clockedPublisher(broker.url, { window }));
    let endWrites = () => {};
    outbox.untilWritesEnd = new Promise((resolve) => {
      endWrites = resolve;
    });
    cleanups.push(async () => endWrites());
    outbox.add(200);
    publisher.start();
    await until('the events', () => broker.eventSeqs().length >= most);
    // Later than any event that was sent.
    assert.ok((await publisher.publish('stats', '1')).ok);
    assert.equal(broker.eventSeqs().length, most);
    endWrites();
    await outbox.empty();
  });

test("respects the broker's receive maximum, also for info and state", async () => {
  const broker = await startBroker({ receiveMaximum: 2 });
  broker.holdAcks();
  const { publisher, outbox } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  outbox.add(12);
  publisher.retain('info', { version: '1' });
  publisher.retain('state', { fill: 1 });
  publisher.start();
  while (outbox.seqs.length > 0) {
    await until('something to acknowledge', () => broker.heldAcks > 0 || outbox.seqs.length === 0);
    broker.releaseAcks();
  }
  broker.stopHoldingAcks();
  assert.equal(broker.mostUnacknowledged, 2);
});

test('sends only the newest of the states that were set while one was in flight', async () => {
  const broker = await startBroker();
  const { publisher } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('connected', () => publisher.status().connected);
  broker.holdAcks();
  for (const fill of [1, 2, 3, 4]) publisher.retain('state', { fill });
  await until('a state', () => broker.payloads('state').length === 1);
  for (const fill of [5, 6]) publisher.retain('state', { fill });
  broker.releaseAcks();
  await until('another state', () => broker.payloads('state').length === 2);
  broker.stopHoldingAcks();
  assert.equal(broker.payloads('state').at(-1), '{"fill":6}');
  assert.ok(broker.mostUnacknowledged <= 1);
});

test('reads the outbox only at the safety check while idle', async () => {
  const broker = await startBroker();
  const { publisher, outbox, clock } = clockedPublisher(broker.url, { safetyCheckMs: 300_000 });
  cleanups.push(() => publisher.close());
  outbox.add();
  publisher.start();
  await outbox.empty();
  const { reads } = outbox;
  outbox.add();
  await clock.advance(299_000);
  assert.equal(outbox.reads, reads);
  await clock.advance(1_000);
  await outbox.empty();
});

for (const [kind, behaviour] of [
  ['that acknowledges nothing', { puback: () => 'none' }],
  ['that acknowledges no event', { puback: noEventAck }],
  ['that does not answer CONNECT', { refusal: 'silence', accepts: () => false }],
] as const satisfies readonly (readonly [string, Partial<RoughBroker['behaviour']>])[]) {
  test(`closes within a second with a broker ${kind}`, async () => {
    const broker = await startBroker(behaviour);
    const { publisher, outbox, clock } = clockedPublisher(broker.url);
    const seqs = outbox.add(20);
    publisher.retain('info', { version: '1' });
    publisher.start();
    await until('a first packet', () => broker.connects.length + broker.publishes.length > 0);
    if (kind === 'that acknowledges no event') await until('events', () => broker.eventSeqs().length === 16);
    broker.behaviour.puback = () => 'none';
    const closed = publisher.close();
    await clock.advance(1_000);
    await closed;
    assert.deepEqual(outbox.seqs, seqs);
    assert.equal(clock.waiting, 0);
    await until('the socket is gone', () => broker.connections === 0);
    assert.deepEqual(broker.disconnects, [], 'no DISCONNECT, so that the broker publishes the will');
  });
}

test('publishes `offline` and sends DISCONNECT while events are unacknowledged', async () => {
  const broker = await startBroker({ puback: noEventAck });
  const { publisher, outbox, clock } = clockedPublisher(broker.url);
  const seqs = outbox.add(20);
  publisher.start();
  await until('a window of events', () => broker.eventSeqs().length === 16);
  await publisher.close();
  assert.deepEqual(broker.payloads('availability'), ['online', 'offline']);
  await until('DISCONNECT', () => broker.disconnects.length === 1);
  assert.deepEqual(outbox.seqs, seqs);
  assert.equal(clock.waiting, 0);
});
