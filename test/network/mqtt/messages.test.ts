import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'mqtt';
import { AedesBroker } from '../../support/network/aedes-broker.js';
import type { RoughBroker } from '../../support/network/rough-broker.js';
import { until } from '../../support/until.js';
import {
  cleanups,
  clockedPublisher,
  closeAfterTest,
  fastPublisher,
  online,
  startBroker,
} from './publisher-kit.js';

const noImageAck: RoughBroker['behaviour']['puback'] = ({ topic }) => (topic.endsWith('/image') ? 'none' : 0);

test('removes a retained message from a broker that restarts, and does not send the removal again', async () => {
  const broker = await new AedesBroker().start();
  cleanups.push(() => broker.stop());
  const { publisher } = closeAfterTest(fastPublisher(broker.url));
  const absolute = { absolute: 'homeassistant/device/kitchen/config' };
  publisher.retain(absolute, null);
  publisher.retain('state', 'text');
  publisher.start();
  await until('the state', () => broker.payloads('state').length === 1);
  assert.deepEqual(broker.payloads('config'), ['']);
  publisher.retain(absolute, { name: 'kitchen' });
  await until('the message', () => broker.payloads('config').length === 2);
  publisher.retain(absolute, null);
  await until('the removal', () => broker.payloads('config').length === 3);
  broker.cut();
  await until('the state again', () => broker.payloads('state').length === 2);
  const topics: string[] = [];
  const client = connect(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  cleanups.push(() => client.endAsync(true));
  client.on('message', (topic) => topics.push(topic));
  await client.subscribeAsync('#', { qos: 1 });
  await until('the retained messages', () => topics.length === 2);
  assert.deepEqual(topics.sort(), ['sortbin/kitchen/availability', 'sortbin/kitchen/state']);
  assert.deepEqual(broker.payloads('config'), ['', '{"name":"kitchen"}', '']);
});

test('sends a retained message again that another client may have removed', async () => {
  const broker = await new AedesBroker().start();
  cleanups.push(() => broker.stop());
  const { publisher } = closeAfterTest(fastPublisher(broker.url));
  const device = { absolute: 'homeassistant/device/kitchen/config' };
  publisher.repeat(device);
  publisher.retain(device, 'kitchen');
  publisher.start();
  await until('the message', () => broker.payloads('config').length === 1);
  publisher.repeat(device);
  publisher.repeat({ absolute: 'homeassistant/device/unknown/config' });
  await until('the message again', () => broker.payloads('config').length === 2);
  publisher.retain('state', 'text');
  await until('the state', () => broker.payloads('state').length === 1);
  assert.deepEqual(broker.payloads('config'), ['kitchen', 'kitchen']);
  assert.throws(() => publisher.repeat('event'), { code: 'topic-reserved' });
});

test('sends a refused removal again on the next connection', async () => {
  const broker = await startBroker({ puback: ({ topic }) => (topic.endsWith('/update') ? 0x87 : 0) });
  const { publisher, lines } = closeAfterTest(fastPublisher(broker.url));
  publisher.retain('update', null);
  publisher.start();
  await until('the refusal is logged', () => lines.length === 1);
  publisher.retain('update', null);
  broker.behaviour.puback = () => 0;
  broker.cut();
  await until('the second removal', () => broker.payloads('update').length === 2);
  await online(publisher);
  broker.cut();
  await until('a third connection', () => broker.payloads('availability').length === 3);
  await online(publisher);
  assert.deepEqual(broker.payloads('update'), ['', '']);
});

test('keeps a limited number of retained topics and bytes, and logs what it ignores', async () => {
  const broker = await startBroker();
  const { publisher, lines } = closeAfterTest(clockedPublisher(broker.url));
  publisher.retain('large', 'x'.repeat(256 * 1024 + 1));
  for (let index = 0; index < 8; index++) publisher.retain(`part/${index}`, 'x'.repeat(256 * 1024));
  publisher.retain('part/8', 'x');
  publisher.retain('part/0', '');
  for (let index = 8; index < 256; index++) publisher.retain(`part/${index}`, 'x');
  publisher.retain('part/256', 'x');
  publisher.retain('part/255', 'y');
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    [
      'retained message ignored: sortbin/kitchen/large has 262145 bytes. The limit is 262144.',
      'retained message ignored: sortbin/kitchen/part/8 makes 2097153 bytes in all. The limit is 2097152.',
      'retained message ignored: sortbin/kitchen/part/256 is one topic too many. The limit is 256.',
    ],
  );
  publisher.start();
  await until('the last one', () => broker.payloads('255').length > 0);
  assert.deepEqual(broker.payloads('255'), ['y']);
  assert.equal(broker.publishes.length, 257);
});

test('sends the newest payload of a retained topic that changes for a long time, without a pause', async () => {
  const broker = await startBroker();
  const { publisher } = closeAfterTest(fastPublisher(broker.url));
  publisher.start();
  await online(publisher);
  for (let fill = 1; fill <= 2_000; fill++) {
    publisher.retain('state', { fill });
    if (fill % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until('the newest state', () => broker.payloads('state').at(-1) === '{"fill":2000}');
});

test('reports a single message that the broker refuses, and keeps the connection', async () => {
  const broker = await startBroker({ puback: ({ topic }) => (topic.endsWith('/image') ? 0x87 : 0) });
  const { publisher, health } = closeAfterTest(fastPublisher(broker.url));
  publisher.start();
  await online(publisher);
  const answer = await publisher.publish('image', '1');
  assert.ok(!answer.ok);
  assert.equal(answer.fault.code, 'not-authorised');
  assert.match(answer.fault.message, /message on sortbin\/kitchen\/image refused with 0x87/);
  assert.deepEqual(await publisher.publish('stats', '1'), { ok: true, value: undefined });
  assert.equal(broker.connects.length, 1);
  assert.deepEqual(health, []);
});

test('publishes at QoS 1 by default, and at QoS 0 without waiting for the broker', async () => {
  const broker = await startBroker({ puback: noImageAck });
  const { publisher } = closeAfterTest(clockedPublisher(broker.url));
  publisher.start();
  await online(publisher);
  assert.ok((await publisher.publish('stats', { schema: 1 })).ok);
  assert.ok((await publisher.publish('image', '1', { qos: 0 })).ok);
  await until('the image', () => broker.payloads('image').length === 1);
  const sent = broker.publishes.slice(-2).map(({ topic, qos, retain }) => ({ topic, qos, retain }));
  assert.deepEqual(sent, [
    { topic: 'sortbin/kitchen/stats', qos: 1, retain: false },
    { topic: 'sortbin/kitchen/image', qos: 0, retain: false },
  ]);
});

test('limits the single messages that wait for the broker, and drops the connection at the deadline', async () => {
  const broker = await startBroker({ puback: noImageAck });
  const { publisher, clock, health } = clockedPublisher(broker.url);
  publisher.start();
  await online(publisher);
  const codeOf = async (payload: string) => {
    const answer = await publisher.publish('image', payload);
    return answer.ok ? 'ok' : answer.fault.code;
  };
  assert.equal(await codeOf('x'.repeat(256 * 1024 + 1)), 'payload-too-large');
  const large = Array.from({ length: 8 }, () => codeOf('x'.repeat(256 * 1024)));
  assert.equal(await codeOf('x'), 'queue-full');
  await until('the images', () => broker.payloads('image').length === 8);
  await clock.advance(10_000);
  const [first, ...others] = await Promise.all(large);
  assert.equal(first, 'no-puback');
  assert.deepEqual([...new Set(others)].sort(), ['no-puback']);
  await until('the connection is gone', () => broker.connections === 0);
  assert.match(String(health.at(-1)), /^no-puback: .*no PUBACK for sortbin\/kitchen\/image within 10000 ms$/);
  await clock.advance(2_000);
  await online(publisher);
  const small = Array.from({ length: 64 }, () => codeOf('x'));
  assert.equal(await codeOf('x'), 'queue-full');
  await publisher.close();
  assert.deepEqual([...new Set(await Promise.all(small))], ['connection-ended']);
  assert.equal(clock.waiting, 0);
});

test("respects the broker's receive maximum for single messages, and rejects those that wait at a loss", async () => {
  const broker = await startBroker({ receiveMaximum: 2 });
  const { publisher } = closeAfterTest(clockedPublisher(broker.url));
  publisher.start();
  await online(publisher);
  broker.holdAcks();
  const answers = Array.from({ length: 10 }, () => publisher.publish('stats', '1'));
  await until('two messages', () => broker.payloads('stats').length === 2);
  broker.releaseAcks();
  await until('two more messages', () => broker.payloads('stats').length === 4);
  assert.equal(broker.mostUnacknowledged, 2);
  broker.cut();
  const codes = (await Promise.all(answers)).map((answer) => answer.ok || answer.fault.code);
  assert.deepEqual(codes.slice(0, 2), [true, true]);
  assert.deepEqual([...new Set(codes.slice(2))], ['connection-lost']);
});
