import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'mqtt';
import type { IncomingMessage } from '../../../device/network/mqtt/mqtt.js';
import { AedesBroker } from '../../support/network/aedes-broker.js';
import { until } from '../../support/until.js';
import {
  cleanups,
  clockedPublisher,
  closeAfterTest,
  fastPublisher,
  online,
  startBroker,
} from './publisher-kit.js';

const REQUEST = 'sortbin/kitchen/request/status';

test('passes on the properties of MQTT 5 and the duplicate flag, and answers with the correlation data', async () => {
  const broker = await startBroker();
  const { publisher } = closeAfterTest(fastPublisher(broker.url));
  const received: IncomingMessage[] = [];
  publisher.subscribe('request/+', async (message) => {
    received.push(message);
    const { responseTopic, correlationData } = message;
    if (responseTopic === null || correlationData === null) return;
    await publisher.publish({ absolute: responseTopic }, { ok: true }, { correlationData });
  });
  publisher.start();
  await online(publisher);
  const correlationData = Buffer.from([0, 1, 255]);
  const properties = { responseTopic: 'client/1/answers', correlationData, messageExpiryInterval: 30 };
  broker.deliver(REQUEST, '{}', { qos: 1, messageId: 7, dup: true, properties });
  broker.deliver(REQUEST, 'plain');
  await until('both messages', () => received.length === 2);
  assert.deepEqual(received, [
    {
      topic: 'request/status',
      payload: Buffer.from('{}'),
      retained: false,
      duplicate: true,
      responseTopic: 'client/1/answers',
      correlationData,
      expirySeconds: 30,
    },
    {
      topic: 'request/status',
      payload: Buffer.from('plain'),
      retained: false,
      duplicate: false,
      responseTopic: null,
      correlationData: null,
      expirySeconds: null,
    },
  ]);
  await until('the answer', () => broker.payloads('answers').length === 1);
  const answer = broker.publishes.at(-1);
  assert.equal(answer?.payload.toString(), '{"ok":true}');
  assert.deepEqual(answer?.properties?.correlationData, correlationData);
  assert.ok(broker.received.includes('puback'));
});

test('subscribes before it publishes `online`, and passes a message on only after that', async () => {
  const broker = await startBroker();
  broker.holdAcks();
  const { publisher } = closeAfterTest(fastPublisher(broker.url, { pubackDeadlineMs: 8_000 }));
  const answers: boolean[] = [];
  publisher.subscribe('request/#', async () => void answers.push((await publisher.publish('a', '1')).ok));
  publisher.start();
  await until('online', () => broker.payloads('availability').length === 1);
  assert.deepEqual(broker.received, ['connect', 'subscribe', 'publish']);
  broker.deliver(REQUEST, '{}', { qos: 1, messageId: 1 });
  await until('the message has arrived', () => broker.received.includes('puback'));
  assert.deepEqual(broker.payloads('a'), []);
  broker.stopHoldingAcks();
  await until('the handler has answered', () => answers.length > 0);
  assert.deepEqual(answers, [true]);
});

test('logs a refused filter, keeps the others, and tries it again on the next connection', async () => {
  const broker = await startBroker({ suback: (filter) => (filter === 'homeassistant/status' ? 0x87 : 1) });
  const { publisher, lines } = closeAfterTest(fastPublisher(broker.url));
  const topics: string[] = [];
  publisher.subscribe({ absolute: 'homeassistant/status' }, ({ topic }) => void topics.push(topic));
  publisher.subscribe('request/+', ({ topic }) => void topics.push(topic));
  publisher.start();
  await until('the refusal is logged', () => lines.length === 1);
  assert.match(
    lines[0]?.msg ?? '',
    /^subscription skipped until the next connection: broker mqtt:.*: subscription to homeassistant\/status refused with 0x87\. /,
  );
  await until('the other filter', () => broker.filters.length === 1);
  await online(publisher);
  broker.deliver(REQUEST, '{}');
  await until('the message', () => topics.length === 1);
  assert.equal(broker.connects.length, 1);
  broker.behaviour.suback = () => 1;
  broker.cut();
  await until('both filters', () => broker.filters.length === 2);
  await online(publisher);
  broker.deliver('homeassistant/status', 'online');
  await until('the other message', () => topics.length === 2);
  assert.deepEqual(topics, ['request/status', 'homeassistant/status']);
  assert.equal(lines.length, 1);
});

test('drops the connection if no SUBACK arrives before the deadline, and sends the events meanwhile', async () => {
  const broker = await startBroker({ suback: () => 'none' });
  const { publisher, outbox, clock, health } = clockedPublisher(broker.url);
  publisher.subscribe('request/+', () => {});
  outbox.add(3);
  publisher.start();
  await outbox.empty();
  await clock.advance(9_999);
  assert.equal(broker.connections, 1);
  await clock.advance(1);
  await until('the connection is gone', () => broker.connections === 0);
  assert.match(
    String(health.at(-1)),
    /^no-suback: broker mqtt:.*: no SUBACK for sortbin\/kitchen\/request\/\+ within 10000 ms$/,
  );
  await clock.advance(2_000);
  await online(publisher);
  const closed = publisher.close();
  await clock.advance(1_000);
  await closed;
  assert.equal(clock.waiting, 0);
  assert.deepEqual(broker.payloads('availability'), ['online', 'online', 'offline']);
});

test('asks the broker to end a subscription when the last handler of its filter has ended', async () => {
  const broker = await startBroker();
  const { publisher } = closeAfterTest(fastPublisher(broker.url));
  const topics: string[] = [];
  const ends = [1, 2].map(() => publisher.subscribe('request/+', ({ topic }) => void topics.push(topic)));
  publisher.start();
  await online(publisher);
  ends[0]?.();
  broker.deliver(REQUEST, '{}');
  await until('the message', () => topics.length > 0);
  assert.deepEqual(topics, ['request/status']);
  assert.deepEqual(broker.filters, ['sortbin/kitchen/request/+']);
  ends[1]?.();
  await until('no filter', () => broker.filters.length === 0);
});

test('drops messages of a flood, passes on one in each turn of the event loop, and sends the events', async () => {
  const broker = await startBroker();
  const { publisher, outbox, lines } = closeAfterTest(fastPublisher(broker.url, { pubackDeadlineMs: 8_000 }));
  let turn = 0;
  const countTurns = () => {
    turn++;
    counting = setImmediate(countTurns);
  };
  let counting = setImmediate(countTurns);
  cleanups.push(async () => clearImmediate(counting));
  const turns: number[] = [];
  publisher.subscribe('request/+', () => void turns.push(turn));
  publisher.start();
  await online(publisher);
  const seqs = outbox.add(50);
  publisher.notify();
  for (let index = 0; index < 20_000; index++) broker.deliver(REQUEST, '{}');
  await outbox.empty();
  assert.deepEqual(broker.eventSeqs(), seqs);
  // A turn takes few packets of the flood. So it lasts for many turns, each with a message.
  await until('the flood has lasted for many turns', () => turns.length > 1_000);
  assert.equal(new Set(turns).size, turns.length);
  assert.equal(broker.connects.length, 1);
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['incoming message dropped: 64 messages are waiting'],
  );
});

test('drops and logs a message that is too large, and tells a broker with MQTT 5 the limit', async () => {
  const broker = await startBroker();
  const { publisher, lines } = closeAfterTest(fastPublisher(broker.url));
  const sizes: number[] = [];
  publisher.subscribe('request/+', ({ payload }) => void sizes.push(payload.length));
  publisher.start();
  await online(publisher);
  broker.deliver(REQUEST, Buffer.alloc(65_537));
  broker.deliver(REQUEST, Buffer.alloc(65_536));
  await until('the smaller one', () => sizes.length === 1);
  assert.deepEqual(sizes, [65_536]);
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['incoming message dropped: 65537 bytes. The limit is 65536.'],
  );
  assert.equal(broker.connects[0]?.properties?.maximumPacketSize, 131_072);
});

test('logs a message handler that fails, with its topic', async () => {
  const broker = await startBroker();
  const { publisher, lines } = closeAfterTest(fastPublisher(broker.url));
  publisher.subscribe('request/+', ({ payload }) => JSON.parse(Buffer.from(payload).toString()));
  publisher.start();
  await online(publisher);
  broker.deliver(REQUEST, 'no JSON');
  await until('the log line', () => lines.length === 1);
  assert.match(lines[0]?.msg ?? '', /^message handler failed: .*JSON/);
  assert.equal(publisher.status().connected, true);
});

test('receives retained and new messages from a broker, and answers another client', async () => {
  const broker = await new AedesBroker().start();
  cleanups.push(() => broker.stop());
  const client = connect(broker.url, { protocolVersion: 4, reconnectPeriod: 20 });
  cleanups.push(() => client.endAsync(true));
  const answers: string[] = [];
  client.on('message', (topic, payload) => answers.push(`${topic} ${payload}`));
  await client.subscribeAsync('sortbin/kitchen/response/#');
  await client.publishAsync('homeassistant/status', 'online', { retain: true });

  const { publisher } = closeAfterTest(fastPublisher(broker.url));
  const births: string[] = [];
  const recordBirth = (name: string) => (message: IncomingMessage) =>
    void births.push(`${name} ${Buffer.from(message.payload)} ${message.retained}`);
  publisher.subscribe({ absolute: 'homeassistant/status' }, recordBirth('first'));
  publisher.subscribe('request/+', ({ topic }) => void publisher.publish(`response/${topic}`, 'done'));
  publisher.start();
  await until('the retained birth', () => births.includes('first online true'));
  const end = publisher.subscribe({ absolute: 'homeassistant/+' }, recordBirth('second'));
  await until('the retained birth again', () => births.includes('second online true'));
  end();
  await client.publishAsync(REQUEST, '{}', { qos: 1 });
  await until('an answer', () => answers.length === 1);
  births.length = 0;
  broker.cut();
  await until('subscribed again', () => births.includes('first online true'));
  await until('the client is connected', () => client.connected);
  await client.publishAsync(REQUEST, '{}', { qos: 1 });
  await until('another answer', () => answers.length === 2);
  assert.deepEqual([...new Set(answers)], ['sortbin/kitchen/response/request/status done']);
  assert.deepEqual([...new Set(births)], ['first online true']);
});
