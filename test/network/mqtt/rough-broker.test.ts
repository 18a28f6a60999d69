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

const rough = async (manners: Partial<RoughBroker['behaviour']> = {}) => {
  const broker = await new RoughBroker().start();
  Object.assign(broker.behaviour, manners);
  cleanups.push(() => broker.stop());
  return broker;
};
const closing = <T extends { readonly publisher: Publisher }>(made: T): T => {
  cleanups.push(() => made.publisher.close());
  return made;
};
const versions = (broker: RoughBroker) => broker.connects.map(({ protocolVersion }) => protocolVersion);
const noEventAck: RoughBroker['behaviour']['puback'] = ({ topic }) => (topic.endsWith('/event') ? 'none' : 0);

test('a PUBACK that does not come within its deadline costs the connection, not the event', async () => {
  const broker = await rough({ puback: noEventAck });
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
    /no PUBACK for sortbin\/kitchen\/event .* within 10000 ms/,
  );
  assert.equal(lines.length, 1);
  await clock.advance(2_000);
  await outbox.empty();
  assert.deepEqual(broker.eventSeqs(), [...seqs, ...seqs]);
  assert.equal(broker.connects.length, 2);
  await publisher.close();
  assert.equal(clock.waiting, 0);
});

test('a broker that greets and breaks off is called less and less often, one that stayed soon again', async () => {
  const broker = await rough();
  const { publisher, clock } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  publisher.start();
  const breakOff = async () => {
    await until('connected', () => publisher.status().connected);
    broker.cut();
    await until('nothing but the back-off is running', () => clock.waiting === 1);
  };
  const expectNextAfter = async (delayMs: number) => {
    const { length } = broker.connects;
    await clock.advance(delayMs - 1);
    assert.equal(broker.connects.length, length);
    await clock.advance(1);
    await until('another CONNECT', () => broker.connects.length === length + 1);
  };
  // Halfway between one second and a ceiling of 2, 4, 8, … 60 seconds, since the random function says 0.5.
  for (const delayMs of [1_500, 2_500, 4_500, 8_500, 16_500, 30_500, 30_500]) {
    await breakOff();
    await expectNextAfter(delayMs);
  }
  await until('connected', () => publisher.status().connected);
  await clock.advance(60_000);
  await breakOff();
  await expectNextAfter(1_500);
});

test('a refused event is reported and kept, and what comes after it goes out', async () => {
  const isPoison = (payload: unknown) => JSON.parse(String(payload)).seq === 1;
  const broker = await rough({
    puback: ({ topic, payload }) => (topic.endsWith('/event') && isPoison(payload) ? 0x87 : 0),
  });
  const { publisher, outbox, lines } = closing(fastPublisher(broker.url));
  outbox.add(30);
  publisher.start();
  await until('the others are out', () => outbox.seqs.length === 1);
  assert.deepEqual(outbox.seqs, [1]);
  assert.ok(broker.connects.length > 1);
  assert.match(
    lines[0]?.msg ?? '',
    /^event 1: .* refused a message on .*: Not authorized \(0x87\); it stays/,
  );
  broker.behaviour.puback = () => 0;
  await outbox.empty();
});

test('a broker that refuses state and info still gets the events', async () => {
  const broker = await rough({ puback: ({ topic }) => (topic.endsWith('/event') ? 0 : 0x87) });
  const { publisher, outbox, lines } = closing(fastPublisher(broker.url));
  outbox.add(20);
  publisher.info({ version: '1' });
  publisher.state({ fill: 1 });
  publisher.start();
  await outbox.empty();
  await until('three refusals are reported', () => lines.length === 3);
  assert.equal(broker.connects.length, 1);
});

test('an acknowledged event is not sent again because the outbox was slow to take it', async () => {
  const broker = await rough();
  const { publisher, outbox, clock, lines } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  outbox.fail('acknowledge', 3);
  outbox.add();
  publisher.start();
  await until('the acknowledgement fails', () => lines.some(({ msg }) => /does not take/.test(msg)));
  broker.cut();
  await until('it is noticed', () => !publisher.status().connected);
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

test('a window of events is on its way, and they are acknowledged in batches', async () => {
  const broker = await rough();
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

test("the broker's receive maximum is kept, by info and state too", async () => {
  const broker = await rough({ receiveMaximum: 2 });
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

test('of the states set while one is on its way only the newest is sent', async () => {
  const broker = await rough();
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

test('idle, it looks at the outbox only at its safety check', async () => {
  const broker = await rough();
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

for (const [how, refusal] of [
  ['CONNACK 1', 0x01],
  ['CONNACK 0x84', 0x84],
  ['closing', 'close'],
] as const) {
  test(`a broker that refuses MQTT 5 by ${how} is spoken to in 3.1.1, and asked again after an hour`, async () => {
    const broker = await rough({ refusal, accepts: ({ protocolVersion }) => protocolVersion === 4 });
    const { publisher, outbox, clock } = clockedPublisher(broker.url);
    cleanups.push(() => publisher.close());
    outbox.add();
    publisher.start();
    await outbox.empty();
    assert.deepEqual(versions(broker), [5, 4]);
    broker.cut();
    await until('it is noticed', () => !publisher.status().connected);
    await clock.advance(2_000);
    await until('connected', () => publisher.status().connected);
    assert.deepEqual(versions(broker), [5, 4, 4]);
    await clock.advance(3_600_000);
    broker.cut();
    await until('it is noticed', () => !publisher.status().connected);
    await clock.advance(2_000);
    await until('connected', () => publisher.status().connected);
    assert.deepEqual(versions(broker), [5, 4, 4, 5, 4]);
  });
}

test('a broker that closes before CONNACK is tried in both versions and named', async () => {
  const broker = await rough({ refusal: 'close', accepts: () => false });
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

test('wrong credentials are named, and not shown', async () => {
  const broker = await rough({ refusal: 0x86, accepts: () => false });
  const url = broker.url.replace('//', '//bin:secret@');
  const { publisher, lines } = clockedPublisher(url);
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('an error', () => publisher.status().lastError !== null);
  assert.equal(broker.connects[0]?.username, 'bin');
  assert.match(String(publisher.status().lastError), /Bad User Name or Password \(0x86\)/);
  assert.doesNotMatch(JSON.stringify([publisher.status(), lines]), /secret/);
});

test('a broker that never answers CONNECT is given up after the deadline', async () => {
  const broker = await rough({ refusal: 'silence', accepts: () => false });
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

test('a link that is dead is noticed by keepalive', async () => {
  const broker = await rough();
  const { publisher, clock } = clockedPublisher(broker.url, { broker: { keepaliveSeconds: 30 } });
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('connected', () => publisher.status().connected);
  broker.ignoresPings = true;
  await clock.advance(45_000);
  await until('it is noticed', () => !publisher.status().connected);
  assert.match(String(publisher.status().lastError), /lost: Keepalive timeout/);
});

for (const [when, manners] of [
  ['that acknowledges nothing', { puback: () => 'none' }],
  ['that acknowledges no event', { puback: noEventAck }],
  ['that does not answer CONNECT', { refusal: 'silence', greets: () => false }],
] as const) {
  test(`a broker ${when} does not hold the close up for a second`, async () => {
    const broker = await rough(manners as Partial<RoughBroker['behaviour']>);
    const { publisher, outbox, clock } = clockedPublisher(broker.url);
    const seqs = outbox.add(20);
    publisher.info({ version: '1' });
    publisher.start();
    await until('a first packet', () => broker.connects.length + broker.publishes.length > 0);
    if (when === 'that acknowledges no event') await until('events', () => broker.eventSeqs().length === 16);
    broker.behaviour.puback = () => 'none';
    const closed = publisher.close();
    await clock.advance(1_000);
    await closed;
    assert.deepEqual(outbox.seqs, seqs);
    assert.equal(clock.waiting, 0);
    await until('the socket is gone', () => broker.connections === 0);
    assert.deepEqual(broker.disconnects, [], 'the will has to speak, so there is no DISCONNECT');
  });
}

test('events on their way do not keep it from taking its leave', async () => {
  const broker = await rough({ puback: noEventAck });
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

test('what cannot be a broker is refused at once', () => {
  for (const url of ['', 'broker', 'http://broker', 'mqtt://', 'ftp://x']) {
    assert.throws(
      () => fastPublisher(url),
      (error: unknown) => error instanceof ConnectionError && error.code === 'broker-url-invalid',
      url,
    );
  }
});

test('a CA file that cannot be read is named', async () => {
  const { publisher } = fastPublisher('mqtts://127.0.0.1:1', { broker: { caFile: '/nowhere/ca.pem' } });
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('an error', () => publisher.status().lastError !== null);
  assert.match(String(publisher.status().lastError), /CA file \/nowhere\/ca\.pem cannot be read/);
});
