import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'mqtt';
import { publisherContract } from '../../contract/publisher-contract.js';
import { AedesBroker } from '../../support/network/aedes-broker.js';
import { RoughBroker } from '../../support/network/rough-broker.js';
import { until } from '../../support/until.js';
import { cleanups, closeAfterTest, fastPublisher } from './publisher-kit.js';

publisherContract('OutboxPublisher', async (brokerDown) => {
  const broker = await new RoughBroker().start();
  if (brokerDown) await broker.stop();
  const { publisher, outbox } = fastPublisher(broker.url);
  let toSwallow = 0;
  broker.behaviour.puback = ({ topic }) => (topic.endsWith('/event') && toSwallow-- > 0 ? 'none' : 0);
  return {
    publisher,
    outbox,
    eventSeqs: () => broker.eventSeqs(),
    retained: (topic) => broker.retained(topic),
    published: (topic) =>
      broker.publishes
        .filter((message) => message.topic === topic && !message.retain)
        .map(({ payload }) => payload.toString()),
    deliver: (topic, payload, retain = false) => broker.deliver(topic, payload, { retain }),
    stopBroker: () => broker.stop(),
    startBroker: async () => void (await broker.start()),
    swallowAcknowledgements: (count) => {
      toSwallow = count;
    },
    close: async () => {
      await publisher.close();
      await broker.stop();
    },
  };
});

const aedes = async () => {
  const broker = await new AedesBroker().start();
  cleanups.push(() => broker.stop());
  return broker;
};

/** Collects the messages of this bin that a new subscriber receives. */
const subscribe = async (url: string) => {
  const messages: { topic: string; payload: string; retain: boolean }[] = [];
  const client = connect(url, { protocolVersion: 4, reconnectPeriod: 0 });
  cleanups.push(() => client.endAsync(true));
  client.on('message', (topic, payload, { retain }) => {
    messages.push({ topic, payload: payload.toString(), retain });
  });
  await client.subscribeAsync('sortbin/kitchen/#', { qos: 1 });
  return messages;
};

test('publishes availability, then retained messages in the order of their first call, then events', async () => {
  const broker = await aedes();
  const { publisher, outbox } = closeAfterTest(fastPublisher(broker.url));
  outbox.add(2);
  publisher.retain('info', { version: '1' });
  publisher.retain('state', { cycle: 'idle' });
  publisher.start();
  await outbox.empty();
  const received = broker.arrivals.map(({ topic, qos, retain }) => [topic.split('/').at(-1), qos, retain]);
  assert.deepEqual(received, [
    ['availability', 1, true],
    ['info', 1, true],
    ['state', 1, true],
    ['event', 1, false],
    ['event', 1, false],
  ]);
});

test('sends the retained messages to a late subscriber, but no old event', async () => {
  const broker = await aedes();
  const { publisher, outbox } = closeAfterTest(fastPublisher(broker.url));
  outbox.add(3);
  publisher.retain('info', { version: '1' });
  publisher.retain('state', { cycle: 'idle' });
  publisher.start();
  await outbox.empty();
  const messages = await subscribe(broker.url);
  await until('three retained messages', () => messages.length >= 3);
  outbox.add();
  publisher.notify();
  await until('the new event', () => messages.length >= 4);
  assert.deepEqual(messages.map(({ topic, payload, retain }) => [topic, payload, retain]).sort(), [
    ['sortbin/kitchen/availability', 'online', true],
    ['sortbin/kitchen/event', '{"id":"event-4","seq":4}', false],
    ['sortbin/kitchen/info', '{"version":"1"}', true],
    ['sortbin/kitchen/state', '{"cycle":"idle"}', true],
  ]);
});

test('after a lost connection the broker publishes `offline`, then the bin publishes `online`', async () => {
  const broker = await aedes();
  const { publisher } = closeAfterTest(fastPublisher(broker.url));
  publisher.start();
  await until('online', () => broker.payloads('availability').length === 1);
  broker.cut();
  await until('online again', () => broker.payloads('availability').length === 3);
  assert.deepEqual(broker.payloads('availability'), ['online', 'offline', 'online']);
  await publisher.close();
  await until('offline', () => broker.payloads('availability').length === 4);
  const messages = await subscribe(broker.url);
  await until('the retained message', () => messages.length > 0);
  assert.deepEqual(messages, [{ topic: 'sortbin/kitchen/availability', payload: 'offline', retain: true }]);
});

test('loses no event if the broker starts late and restarts twice', async () => {
  const broker = await aedes();
  await broker.stop();
  const { publisher, outbox } = closeAfterTest(fastPublisher(broker.url));
  const seqs = outbox.add(200);
  publisher.start();
  await until('an error', () => publisher.status().lastError !== null);
  assert.match(String(publisher.status().lastError), /ECONNREFUSED/);
  await broker.start();
  for (const count of [50, 120]) {
    await until(`${count} events`, () => broker.eventSeqs().length >= count);
    await broker.stop();
    seqs.push(...outbox.add(20));
    publisher.notify();
    await broker.start();
  }
  await outbox.empty();
  assert.deepEqual([...new Set(broker.eventSeqs())], seqs);
});
