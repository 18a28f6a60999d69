import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { SystemClock } from '../../../device/kit/clock.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { publisherContract } from '../../contract/publisher-contract.js';
import { MemoryOutbox } from '../../support/network/memory-outbox.js';
import { SimulatedPublisher } from '../../support/network/simulated-publisher.js';

const log = pino({ level: 'silent' });

publisherContract('SimulatedPublisher', async (brokerDown) => {
  const outbox = new MemoryOutbox();
  const parts = { clock: new SystemClock(), log };
  const publisher = new SimulatedPublisher(outbox, parts, { connected: !brokerDown, retryMs: 30 });
  return {
    publisher,
    outbox,
    eventSeqs: () => publisher.sent.map(({ seq }) => seq),
    retained: (topic) => publisher.retained.get(topic),
    published: (topic) =>
      publisher.published.filter((message) => message.topic === topic).map(({ payload }) => payload),
    deliver: (topic, payload, retained) => publisher.deliver(topic, payload, retained),
    stopBroker: async () => publisher.disconnect(),
    startBroker: async () => publisher.connect(),
    swallowAcknowledgements: (count) => publisher.swallowAcknowledgements(count),
    close: () => publisher.close(),
  };
});

test('keeps only the newest events', async () => {
  const outbox = new MemoryOutbox();
  outbox.add(100);
  const publisher = new SimulatedPublisher(outbox, { clock: new SimulatedClock(), log }, { keep: 10 });
  publisher.start();
  await outbox.empty();
  assert.deepEqual(
    publisher.sent.map(({ seq }) => seq),
    [91, 92, 93, 94, 95, 96, 97, 98, 99, 100],
  );
  await publisher.close();
});
