import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Store } from 'mqtt';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { until } from '../../support/until.js';
import {
  type BrokerClient,
  cleanUp,
  closed,
  leaveSession,
  openBroker,
  openClient,
  session,
} from './embedded-broker-kit.js';

afterEach(cleanUp);

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `${from + index}`);

/** Publishes each payload with QoS 1. */
const publishAll = async (url: string, payloads: readonly string[], topic = 'event'): Promise<void> => {
  const { mqtt } = await openClient(url);
  await Promise.all(payloads.map((payload) => mqtt.publishAsync(topic, payload, { qos: 1 })));
  await mqtt.endAsync();
};

test('hands over queued messages in order and once, before the new ones that arrive meanwhile', async () => {
  const { broker } = await openBroker();
  await leaveSession(broker.url, 'dashboard');
  await publishAll(broker.url, numbers(0, 2_000));
  const { mqtt } = await openClient(broker.url);
  let isBack = false;
  let sent = 2_000;
  const publishing = (async () => {
    while (!isBack || sent < 2_200) await mqtt.publishAsync('event', `${sent++}`, { qos: 1 });
  })();
  const dashboard = await openClient(broker.url, session('dashboard'));
  isBack = true;
  await publishing;
  await until('all of them', () => dashboard.received.length >= sent);
  assert.equal(dashboard.sessionPresent, true);
  assert.deepEqual(dashboard.received, numbers(0, sent));
});

test('drops the oldest messages of a full queue, and logs one line in a minute', async () => {
  const clock = new SimulatedClock();
  const { broker, lines } = await openBroker({ maxQueuedMessages: 10 }, clock);
  await leaveSession(broker.url, 'dashboard');
  await publishAll(broker.url, numbers(0, 30));
  const dashboard = await openClient(broker.url, session('dashboard'));
  await until('the newest ones', () => dashboard.received.length >= 10);
  assert.deepEqual(dashboard.received, numbers(20, 30));
  await clock.advance(60_000);
  const first = 'embedded broker: the oldest message for client "dashboard" was dropped: its queue is full';
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    [first, `${first}. 19 times since the last such line`],
  );
});

test('limits the size of a queue', async () => {
  const { broker } = await openBroker({ maxQueuedBytes: 10_000 });
  await leaveSession(broker.url, 'dashboard');
  const payloads = numbers(0, 30).map((number) => number.padEnd(1_500, ' '));
  await publishAll(broker.url, payloads);
  const dashboard = await openClient(broker.url, session('dashboard'));
  await until('the newest ones', () => dashboard.received.length > 0);
  await publishAll(broker.url, ['end']);
  await until('the end', () => dashboard.received.at(-1) === 'end');
  assert.deepEqual(dashboard.received, [...payloads.slice(-4), 'end']);
});

test('takes space for all queues from the longest one', async () => {
  const { broker } = await openBroker({ maxQueuedBytesInAll: 20_000 });
  const small = await openClient(broker.url, session('small'));
  await small.mqtt.subscribeAsync('small', { qos: 1 });
  await small.mqtt.endAsync();
  await leaveSession(broker.url, 'large');
  await publishAll(broker.url, numbers(0, 3), 'small');
  await publishAll(broker.url, numbers(0, 100));
  const again = await openClient(broker.url, session('small'));
  await until('all messages of the small queue', () => again.received.length === 3);
  assert.deepEqual(again.received, numbers(0, 3));
  const large = await openClient(broker.url, session('large'));
  await until('the newest ones', () => large.received.at(-1) === '99');
  assert.ok(large.received.length < 50, `${large.received.length}`);
});

test('keeps only the newest messages for a client that does not acknowledge, and repeats them', async () => {
  const { broker } = await openBroker({ maxQueuedMessages: 5 });
  const silent = await openClient(broker.url, session('silent'));
  await silent.mqtt.subscribeAsync('#', { qos: 1 });
  let isSent = false;
  silent.mqtt.handleMessage = () => {
    isSent = true;
  };
  await publishAll(broker.url, numbers(0, 20));
  await until('one of them was sent', () => isSent);
  const lost = closed(silent.mqtt);
  silent.mqtt.stream.destroy();
  await lost;
  const again = await openClient(broker.url, session('silent'));
  await until('the newest ones', () => again.received.length >= 5);
  assert.deepEqual(again.received, numbers(15, 20));
  assert.equal(again.repeated[0], '15');
});

test('delivers messages of QoS 2 once, over lost connections', async () => {
  const { broker } = await openBroker();
  const options = {
    ...session('dashboard'),
    incomingStore: new Store({ clean: false }),
    outgoingStore: new Store({ clean: false }),
  };
  const first = await openClient(broker.url, options);
  await first.mqtt.subscribeAsync('#', { qos: 2 });
  await first.mqtt.endAsync();
  const { mqtt } = await openClient(broker.url);
  await Promise.all(numbers(0, 60).map((payload) => mqtt.publishAsync('event', payload, { qos: 2 })));
  const received: string[] = [];
  for (const count of [10, 30, 60]) {
    const dashboard = await openClient(broker.url, options);
    await until(`${count} messages`, () => received.length + dashboard.received.length >= count);
    dashboard.mqtt.stream.destroy();
    received.push(...dashboard.received);
  }
  assert.deepEqual(
    received.sort((a, b) => Number(a) - Number(b)),
    numbers(0, 60),
  );
});

test('loses nothing when a client takes its session over from an older connection', async () => {
  const { broker } = await openBroker();
  await leaveSession(broker.url, 'dashboard');
  const received = new Set<string>();
  const { mqtt } = await openClient(broker.url);
  let isDone = false;
  let sent = 0;
  const publishing = (async () => {
    while (!isDone) await mqtt.publishAsync('event', `${sent++}`, { qos: 1 });
  })();
  const clients: BrokerClient[] = [];
  for (let count = 0; count < 5; count++) {
    const client = await openClient(broker.url, session('dashboard'));
    clients.push(client);
    const target = sent + 20;
    await until('more messages', () => sent > target);
  }
  isDone = true;
  await publishing;
  const all = () => {
    for (const client of clients) for (const payload of client.received) received.add(payload);
    return received.size;
  };
  await until('every message', () => all() === sent);
});

test('forgets the session that was absent longest', async () => {
  const { broker, lines } = await openBroker({ maxAbsentSessions: 2 });
  for (const id of ['a', 'b', 'c']) await leaveSession(broker.url, id);
  await until('its line', () => lines.length > 0);
  assert.equal(
    lines[0]?.msg,
    'embedded broker: the session of client "a" was dropped: it was absent longest',
  );
  await publishAll(broker.url, ['x']);
  for (const [id, isPresent] of [
    ['c', true],
    ['b', true],
    ['a', false],
  ] as const) {
    const { sessionPresent } = await openClient(broker.url, session(id));
    assert.equal(sessionPresent, isPresent, id);
  }
});

test('discards the queue of a client that connects with a clean session', async () => {
  const { broker } = await openBroker();
  await leaveSession(broker.url, 'dashboard');
  await publishAll(broker.url, ['old']);
  const clean = await openClient(broker.url, { clean: true, clientId: 'dashboard' });
  await clean.mqtt.endAsync();
  const dashboard = await openClient(broker.url, session('dashboard'));
  assert.equal(dashboard.sessionPresent, false);
  await dashboard.mqtt.subscribeAsync('#', { qos: 1 });
  await publishAll(broker.url, ['new']);
  await until('the new one', () => dashboard.received.length > 0);
  assert.deepEqual(dashboard.received, ['new']);
});
