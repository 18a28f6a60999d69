import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import { generate } from 'mqtt-packet';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { until } from '../../support/until.js';
import {
  cleanUp,
  closed,
  connectPacket,
  openBroker,
  openClient,
  openSocket,
  session,
} from './embedded-broker-kit.js';

afterEach(cleanUp);

/** Returns the payloads that the broker has retained. */
const retained = async (url: string): Promise<string[]> => {
  const { mqtt, received } = await openClient(url);
  await mqtt.subscribeAsync('#', { qos: 1 });
  await mqtt.publishAsync('end', 'end', { qos: 1 });
  await until('the end', () => received.includes('end'));
  return received.filter((payload) => payload !== 'end').sort();
};

test('delivers a message on a topic above the limit, but does not retain it', async () => {
  const { broker, lines } = await openBroker({ maxRetained: 2 });
  const { mqtt } = await openClient(broker.url);
  const live = await openClient(broker.url);
  await live.mqtt.subscribeAsync('#');
  const retain = (topic: string, payload: string) =>
    mqtt.publishAsync(topic, payload, { qos: 1, retain: true });
  await retain('a', 'a1');
  await retain('b', 'b1');
  await retain('c', 'c1');
  await retain('a', 'a2');
  await until('all four', () => live.received.length === 4);
  assert.deepEqual(await retained(broker.url), ['a2', 'b1']);
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['embedded broker: a message on "c" was not retained: no space'],
  );
  await retain('b', '');
  await retain('c', 'c2');
  assert.deepEqual(await retained(broker.url), ['a2', 'c2']);
});

test('removes the topics that were retained last if an earlier one needs their space', async () => {
  const { broker } = await openBroker({ maxRetainedBytes: 10_000 });
  const { mqtt } = await openClient(broker.url);
  for (const [topic, bytes] of [
    ['a', 1_000],
    ['b', 2_000],
    ['c', 3_000],
    ['a', 5_000],
  ] as const)
    await mqtt.publishAsync(topic, topic.repeat(bytes), { qos: 1, retain: true });
  assert.deepEqual(await retained(broker.url), ['a'.repeat(5_000), 'b'.repeat(2_000)]);
});

test('delivers each message of QoS 0 of a burst, retained or not', async () => {
  const { broker } = await openBroker();
  const { mqtt } = await openClient(broker.url);
  const { mqtt: reader, received } = await openClient(broker.url);
  await reader.subscribeAsync('#');
  const payloads = Array.from({ length: 100 }, (_, index) => `${index}`);
  for (const [index, payload] of payloads.entries())
    mqtt.publish(`topic/${payload}`, payload, { retain: index % 2 === 0 });
  await until('all of them', () => received.length >= payloads.length);
  assert.deepEqual(received, payloads);
});

test('refuses a subscription above the limit, also in the stored session', async () => {
  const { broker, lines } = await openBroker({ maxSubscriptions: 2 });
  const first = await openClient(broker.url, session('dashboard'));
  await assert.rejects(first.mqtt.subscribeAsync(['a', 'b', 'c'], { qos: 1 }));
  await first.mqtt.unsubscribeAsync('a');
  await first.mqtt.subscribeAsync('d', { qos: 1 });
  await assert.rejects(first.mqtt.subscribeAsync('e', { qos: 1 }));
  await first.mqtt.endAsync();
  assert.match(lines[0]?.msg ?? '', /a subscription of client "dashboard" was refused: limit reached/);
  const again = await openClient(broker.url, session('dashboard'));
  for (const topic of ['a', 'b', 'c', 'd', 'e']) await again.mqtt.publishAsync(topic, topic, { qos: 1 });
  await until('both', () => again.received.length >= 2);
  assert.deepEqual(again.received, ['b', 'd']);
});

test('refuses a client that renews its subscription too often, for a minute', async () => {
  const clock = new SimulatedClock();
  const { broker } = await openBroker({ maxSubscriptions: 1 }, clock);
  const { mqtt } = await openClient(broker.url);
  for (let count = 0; count < 5; count++) await mqtt.subscribeAsync('a');
  await assert.rejects(mqtt.subscribeAsync('a'));
  await clock.advance(60_000);
  await mqtt.subscribeAsync('a');
});

test('disconnects a client that does not read, with one line, and delivers to the others', async () => {
  const { broker, lines } = await openBroker({ maxStallMs: 100 });
  const { socket, packets } = await openSocket(broker.port);
  socket.write(connectPacket('stuck'));
  const subscriptions = [{ topic: '#', qos: 0 as const }];
  socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions }));
  await until('subscribed', () => packets.length === 2);
  socket.pause();
  const reader = await openClient(broker.url);
  await reader.mqtt.subscribeAsync('#');
  const { mqtt } = await openClient(broker.url);
  const payload = Buffer.alloc(200_000);
  let sent = 0;
  for (; sent < 1_000 && lines.length === 0; sent++) await mqtt.publishAsync('a', payload, { qos: 1 });
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['embedded broker: client "stuck" failed (did not read its messages for 100 ms)'],
  );
  await until('all messages', () => reader.received.length === sent);
});

test('closes a connection at the header of a packet that is too large', async () => {
  const { broker, lines } = await openBroker();
  const { socket } = await openSocket(broker.port);
  socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
  await once(socket, 'close');
  assert.equal(lines[0]?.msg, 'embedded broker: client failed (a packet exceeds 328144 bytes)');
});

test('reads packets that arrive byte by byte, and many at once', async () => {
  const { broker } = await openBroker();
  const reader = await openClient(broker.url);
  await reader.mqtt.subscribeAsync('#');
  const { socket, packets } = await openSocket(broker.port);
  socket.setNoDelay(true);
  for (const byte of connectPacket('slow')) {
    socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until('accepted', () => packets.length === 1);
  const payloads = Array.from({ length: 1_000 }, (_, index) => `${index}`);
  const publish = (payload: string) =>
    generate({ cmd: 'publish', topic: 'a', payload, qos: 0, retain: false, dup: false });
  socket.write(Buffer.concat(payloads.map(publish)));
  socket.end(generate({ cmd: 'disconnect' }));
  await until('all of them', () => reader.received.length >= payloads.length);
  assert.deepEqual(reader.received, payloads);
});

test('does not publish a will on a topic that is no topic', async () => {
  const { broker } = await openBroker();
  for (const topic of ['a/#', '+/b', '$SYS/x', Array(1_000).fill('a').join('/'), 'good']) {
    const { socket, packets } = await openSocket(broker.port);
    socket.write(connectPacket(topic.slice(0, 10), { topic, payload: Buffer.from(topic) }));
    await until('accepted', () => packets.length === 1);
    socket.destroy();
  }
  const { mqtt, received } = await openClient(broker.url);
  await mqtt.subscribeAsync('#');
  await until('the good one', () => received.length > 0);
  assert.deepEqual(received, ['good']);
});

test('disconnects a client that uses a topic of 1,000 levels', async () => {
  const { broker } = await openBroker();
  const topic = Array(1_000).fill('a').join('/');
  const { mqtt: sender } = await openClient(broker.url);
  const senderClosed = closed(sender);
  sender.publish(topic, 'x', { qos: 1 });
  await senderClosed;
  const { mqtt: reader } = await openClient(broker.url);
  const readerClosed = closed(reader);
  reader.subscribe(topic);
  await readerClosed;
});

test('refuses a client id that is too long', async () => {
  const { broker } = await openBroker();
  const { socket, packets } = await openSocket(broker.port);
  socket.write(connectPacket('x'.repeat(257)));
  await once(socket, 'close');
  assert.deepEqual(
    packets.map((packet) => packet.cmd === 'connack' && packet.returnCode),
    [2],
  );
});

test('logs connections above the limit in one line a minute', async () => {
  const clock = new SimulatedClock();
  const { broker, lines } = await openBroker({ maxConnections: 1 }, clock);
  await openClient(broker.url);
  for (let count = 0; count < 5; count++) {
    const { socket } = await openSocket(broker.port);
    await once(socket, 'close');
  }
  await clock.advance(60_000);
  const text = 'embedded broker: a connection was closed: 1 clients are connected';
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    [text, `${text}. 4 times since the last such line`],
  );
});
