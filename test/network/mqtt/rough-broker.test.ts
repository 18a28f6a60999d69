import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ConnectionError } from '../../../device/network/mqtt/connection-error.js';
import type { Publisher } from '../../../device/network/mqtt/mqtt.js';
import { RoughBroker } from '../../support/rough-broker.js';
import { until } from '../../support/until.js';
import { clockedPublisher, fastPublisher } from './publisher-kit.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const startBroker = async (behaviour: Partial<RoughBroker['behaviour']> = {}) => {
  const broker = await new RoughBroker().start();
  Object.assign(broker.behaviour, behaviour);
  cleanups.push(() => broker.stop());
  return broker;
};
const closeAfterTest = <T extends { readonly publisher: Publisher }>(made: T): T => {
  cleanups.push(() => made.publisher.close());
  return made;
};
const versions = (broker: RoughBroker) => broker.connects.map(({ protocolVersion }) => protocolVersion);
const noEventAck: RoughBroker['behaviour']['puback'] = ({ topic }) => (topic.endsWith('/event') ? 'none' : 0);

test('drops the connection, but keeps the event, if no PUBACK arrives before the deadline', async () => {
  const broker = await startBroker({ puback: noEventAck });
  const { publisher, outbox, clock, lines } = clockedPublisher(broker.url);
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
  assert.equal(lines.length, 1);
  await clock.advance(2_000);
  await outbox.empty();
  assert.deepEqual(broker.eventSeqs(), [...seqs, ...seqs]);
  assert.equal(broker.connects.length, 2);
  await publisher.close();
  assert.equal(clock.waiting, 0);
});

test('reconnects more slowly after each short connection, and soon after a long one', async () => {
  const broker = await startBroker();
  const { publisher, clock } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  publisher.start();
  const breakConnection = async () => {
    await until('connected', () => publisher.status().connected);
    broker.cut();
    await until('only the back-off timer is running', () => clock.waiting === 1);
  };
  const expectNextAfter = async (delayMs: number) => {
    const { length } = broker.connects;
    await clock.advance(delayMs - 1);
    assert.equal(broker.connects.length, length);
    await clock.advance(1);
    await until('another CONNECT', () => broker.connects.length === length + 1);
  };
  // Halfway between one second and a ceiling of 2, 4, 8 and up to 60 seconds, because the random function returns 0.5.
  for (const delayMs of [1_500, 2_500, 4_500, 8_500, 16_500, 30_500, 30_500]) {
    await breakConnection();
    await expectNextAfter(delayMs);
  }
  await until('connected', () => publisher.status().connected);
  await clock.advance(60_000);
  await breakConnection();
  await expectNextAfter(1_500);
});

test('logs and keeps a refused event, and sends the events after it', async () => {
  const isFirst = (payload: unknown) => JSON.parse(String(payload)).seq === 1;
  const broker = await startBroker({
    puback: ({ topic, payload }) => (topic.endsWith('/event') && isFirst(payload) ? 0x87 : 0),
  });
  const { publisher, outbox, lines } = closeAfterTest(fastPublisher(broker.url));
  outbox.add(30);
  publisher.start();
  await until('the other events are acknowledged', () => outbox.seqs.length === 1);
  assert.deepEqual(outbox.seqs, [1]);
  assert.ok(broker.connects.length > 1);
  assert.match(
    lines[0]?.msg ?? '',
    /^kept event 1 in the outbox: broker mqtt:.*: message on .* refused: .*Not authorized \(0x87\)$/,
  );
  broker.behaviour.puback = () => 0;
  await outbox.empty();
});

test('sends the events to a broker that refuses state and info', async () => {
  const broker = await startBroker({ puback: ({ topic }) => (topic.endsWith('/event') ? 0 : 0x87) });
  const { publisher, outbox, lines } = closeAfterTest(fastPublisher(broker.url));
  outbox.add(20);
  publisher.info({ version: '1' });
  publisher.state({ fill: 1 });
  publisher.start();
  await outbox.empty();
  await until('three refusals are logged', () => lines.length === 3);
  assert.equal(broker.connects.length, 1);
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

test("respects the broker's receive maximum, also for info and state", async () => {
  const broker = await startBroker({ receiveMaximum: 2 });
  broker.holdAcks();
  const { publisher, outbox } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  outbox.add(12);
  publisher.info({ version: '1' });
  publisher.state({ fill: 1 });
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
  for (const fill of [1, 2, 3, 4]) publisher.state({ fill });
  await until('a state', () => broker.payloads('state').length === 1);
  for (const fill of [5, 6]) publisher.state({ fill });
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

for (const [means, refusal] of [
  ['CONNACK 1', 0x01],
  ['CONNACK 0x84', 0x84],
  ['closing', 'close'],
] as const) {
  test(`falls back to 3.1.1 if the broker refuses MQTT 5 by ${means}, and tries 5 again after an hour`, async () => {
    const broker = await startBroker({ refusal, accepts: ({ protocolVersion }) => protocolVersion === 4 });
    const { publisher, outbox, clock } = clockedPublisher(broker.url);
    cleanups.push(() => publisher.close());
    outbox.add();
    publisher.start();
    await outbox.empty();
    assert.deepEqual(versions(broker), [5, 4]);
    broker.cut();
    await until('the loss is detected', () => !publisher.status().connected);
    await clock.advance(2_000);
    await until('connected', () => publisher.status().connected);
    assert.deepEqual(versions(broker), [5, 4, 4]);
    await clock.advance(3_600_000);
    broker.cut();
    await until('the loss is detected', () => !publisher.status().connected);
    await clock.advance(2_000);
    await until('connected', () => publisher.status().connected);
    assert.deepEqual(versions(broker), [5, 4, 4, 5, 4]);
  });
}

test('tries both versions if the broker closes before CONNACK, and names the broker in the error', async () => {
  const broker = await startBroker({ refusal: 'close', accepts: () => false });
  const { publisher, clock } = clockedPublisher(broker.url);
  publisher.start();
  await until('an error', () => publisher.status().lastError !== null);
  assert.deepEqual(versions(broker), [5, 4]);
  assert.match(
    String(publisher.status().lastError),
    /mqtt:\/\/127\.0\.0\.1:\d+: closed the connection before CONNACK/,
  );
  await publisher.close();
  assert.equal(clock.waiting, 0);
});

test('reports wrong credentials without showing them', async () => {
  const broker = await startBroker({ refusal: 0x86, accepts: () => false });
  const url = broker.url.replace('//', '//bin:secret@');
  const { publisher, lines } = clockedPublisher(url);
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('an error', () => publisher.status().lastError !== null);
  assert.equal(broker.connects[0]?.username, 'bin');
  assert.match(String(publisher.status().lastError), /Bad User Name or Password \(0x86\)/);
  assert.doesNotMatch(JSON.stringify([publisher.status(), lines]), /secret/);
});

test('gives up after the deadline if the broker never answers CONNECT', async () => {
  const broker = await startBroker({ refusal: 'silence', accepts: () => false });
  const { publisher, clock } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('CONNECT', () => broker.connects.length === 1);
  await clock.advance(10_000);
  await until('an error', () => publisher.status().lastError !== null);
  assert.match(String(publisher.status().lastError), /no CONNACK within 10000 ms/);
  await until('the socket is gone', () => broker.connections === 0);
  assert.deepEqual(versions(broker), [5]);
});

test('detects a dead connection by keepalive', async () => {
  const broker = await startBroker();
  const { publisher, clock } = clockedPublisher(broker.url, { broker: { keepaliveSeconds: 30 } });
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('connected', () => publisher.status().connected);
  broker.ignoresPings = true;
  await clock.advance(45_000);
  await until('the loss is detected', () => !publisher.status().connected);
  assert.match(String(publisher.status().lastError), /connection lost: Keepalive timeout/);
});

for (const [kind, behaviour] of [
  ['that acknowledges nothing', { puback: () => 'none' }],
  ['that acknowledges no event', { puback: noEventAck }],
  ['that does not answer CONNECT', { refusal: 'silence', greets: () => false }],
] as const) {
  test(`closes within a second with a broker ${kind}`, async () => {
    const broker = await startBroker(behaviour as Partial<RoughBroker['behaviour']>);
    const { publisher, outbox, clock } = clockedPublisher(broker.url);
    const seqs = outbox.add(20);
    publisher.info({ version: '1' });
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

test('refuses an invalid broker URL at once', () => {
  for (const url of ['', 'broker', 'http://broker', 'mqtt://', 'ftp://x']) {
    assert.throws(
      () => fastPublisher(url),
      (error: unknown) => error instanceof ConnectionError && error.code === 'broker-url-invalid',
      url,
    );
  }
});

test('names a CA file that cannot be read', async () => {
  const { publisher } = fastPublisher('mqtts://127.0.0.1:1', { broker: { caFile: '/nowhere/ca.pem' } });
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('an error', () => publisher.status().lastError !== null);
  assert.match(String(publisher.status().lastError), /^mqtt\.ca: cannot read \/nowhere\/ca\.pem: .*ENOENT/);
});
