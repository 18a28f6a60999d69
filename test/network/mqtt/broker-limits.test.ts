import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { packetBytes } from '../../../device/network/mqtt/limits.js';
import { until } from '../../support/until.js';
import {
  cleanups,
  clockedPublisher,
  closeAfterTest,
  fastPublisher,
  online,
  startBroker,
} from './publisher-kit.js';

const LARGE = 'x'.repeat(1_000);

test('computes the size of a packet as the encoder makes it', () => {
  const binary = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 300, unit: 'binary' }),
      fc.oneof(binary(200), fc.constantFrom(100, 16_300, 16_400, 2_097_152).map(Buffer.alloc)),
      fc.constantFrom(0, 1),
      fc.option(binary(200), { nil: undefined }),
      (topic, payload, qos, correlationData) => {
        const properties = correlationData ? { correlationData } : {};
        const packet = { cmd: 'publish', topic, payload, qos, retain: false, dup: false } as const;
        const encoded = generate({ ...packet, messageId: 1, properties }, { protocolVersion: 5 });
        assert.equal(
          packetBytes({ topic, payloadBytes: payload.length, qos, correlationData }),
          encoded.length,
        );
      },
    ),
  );
});

test('skips retained messages above the maximum packet size, and sends everything else', async () => {
  const broker = await startBroker({ maximumPacketSize: 800 });
  const { publisher, outbox } = closeAfterTest(fastPublisher(broker.url));
  const faults: (string | null)[] = [];
  publisher.delivery.onHealth((fault) => faults.push(fault && `${fault.code}: ${fault.message}`));
  outbox.add(3);
  publisher.retain('info', LARGE);
  publisher.retain('state', { fill: 1 });
  publisher.start();
  await outbox.empty();
  await until('the state', () => broker.payloads('state').length === 1);
  publisher.retain('info', `${LARGE}!`);
  assert.deepEqual(broker.payloads('info'), []);
  assert.equal(broker.connects.length, 1);
  assert.deepEqual(
    faults.map((fault) => fault?.replace(/127\.0\.0\.1:\d+/, 'HOST')),
    [
      'mqtt-limits: Not sent: broker mqtt://HOST: message on sortbin/kitchen/info is too large: 1028 bytes. ' +
        'The broker accepts at most 800 bytes. Raise the maximum packet size of the broker.',
    ],
  );
  publisher.retain('info', 'short');
  await until('the short info', () => broker.payloads('info').length === 1);
  await until('the fault has ended', () => faults.at(-1) === null);
});

test('refuses a single message that is too large for the broker, without sending it', async () => {
  const broker = await startBroker({ maximumPacketSize: 800 });
  const { publisher } = closeAfterTest(fastPublisher(broker.url));
  publisher.start();
  await online(publisher);
  const answer = await publisher.publish('image', LARGE);
  assert.ok(!answer.ok);
  assert.equal(answer.fault.code, 'message-too-large');
  assert.match(
    answer.fault.message,
    /message on sortbin\/kitchen\/image is too large: 1029 bytes\. .* at most 800 bytes/,
  );
  const fits = 'x'.repeat(LARGE.length - 229);
  assert.ok((await publisher.publish('image', fits)).ok);
  assert.ok(!(await publisher.publish('image', `${fits}!`)).ok);
  assert.deepEqual(broker.payloads('image'), [fits]);
});

test('works with a broker that has neither QoS 1 nor retained messages', async () => {
  const broker = await startBroker({ maximumQoS: 0, retainAvailable: false });
  const { publisher, outbox } = closeAfterTest(fastPublisher(broker.url));
  const faults: (string | undefined)[] = [];
  publisher.delivery.onHealth((fault) => faults.push(fault?.message));
  outbox.add(40);
  publisher.retain('state', { fill: 1 });
  publisher.start();
  await outbox.empty();
  assert.ok((await publisher.publish('stats', '1')).ok);
  await until('all messages', () => broker.publishes.length === 43);
  assert.ok(broker.publishes.every(({ qos, retain }) => qos === 0 && !retain));
  assert.match(faults.at(-1) ?? '', /only QoS 0.* are lost\. .*no retained messages/);
  assert.equal(broker.connects.length, 1);
});

test('connects again with a will that the broker accepts, and offers the better one after an hour', async () => {
  const broker = await startBroker({
    accepts: ({ will }) => {
      broker.behaviour.refusal = will?.retain ? 0x9a : 0x9b;
      return will?.qos === 0 && !will.retain;
    },
  });
  const { publisher, clock } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  const wills = () => broker.connects.splice(0).map(({ will }) => [will?.qos, will?.retain]);
  const reconnect = async () => {
    broker.cut();
    await until('the loss is detected', () => !publisher.status().connected);
    await clock.advance(2_000);
    await online(publisher);
  };
  publisher.start();
  await online(publisher);
  assert.deepEqual(wills(), [
    [1, true],
    [1, false],
    [0, false],
  ]);
  await reconnect();
  assert.deepEqual(wills(), [[0, false]]);
  await clock.advance(3_600_000);
  await reconnect();
  assert.equal(wills().length, 3);
});

for (const [limit, name] of [
  [{ receiveMaximum: 0 }, 'Receive Maximum'],
  [{ maximumPacketSize: 0 }, 'Maximum Packet Size'],
] as const)
  test(`refuses a broker with ${name} 0`, async () => {
    const broker = await startBroker(limit);
    const { publisher, health } = closeAfterTest(fastPublisher(broker.url));
    publisher.start();
    await until('an error', () => health.length > 0);
    assert.match(
      String(health[0]),
      new RegExp(`^connect-refused: broker mqtt:.*: CONNACK with ${name} 0, which MQTT forbids`),
    );
  });

test('skips a retained message that made the broker disconnect, and sends the events', async () => {
  const broker = await startBroker({
    puback: ({ payload }) => (payload.length > 800 ? { disconnect: 0x95 } : 0),
  });
  const { publisher, outbox, health } = closeAfterTest(fastPublisher(broker.url));
  outbox.add(3);
  publisher.retain('state', { fill: 1 });
  publisher.retain('info', LARGE);
  publisher.start();
  await outbox.empty();
  await online(publisher);
  assert.equal(broker.connects.length, 2);
  assert.match(
    String(health[0]),
    /^message-too-large: .*: message on sortbin\/kitchen\/info is too large: 1028 bytes \(DISCONNECT 0x95\)/,
  );
  assert.deepEqual(health.slice(1), [null]);
});

describe('a broker of MQTT 3.1.1 that closes the connection after a retained message', () => {
  const isLarge = (payload: unknown) => String(payload).length > 800;
  const closesForLarge = () =>
    startBroker({ puback: ({ payload }) => (isLarge(payload) ? { disconnect: 0 } : 0) });
  const broker = { protocolVersion: 4 } as const;

  it('gets everything else, and a smaller message on the topic', async () => {
    const rough = await closesForLarge();
    const { publisher, outbox } = closeAfterTest(fastPublisher(rough.url, { broker }));
    const faults: (string | null)[] = [];
    publisher.delivery.onHealth((fault) => faults.push(fault && `${fault.code}: ${fault.message}`));
    outbox.add(30);
    publisher.retain('info', LARGE);
    publisher.retain('state', { fill: 1 });
    publisher.start();
    await outbox.empty();
    await until('the state', () => rough.payloads('state').length > 0);
    assert.deepEqual(outbox.undeliverableSeqs, []);
    assert.equal(rough.connects.length, 7);
    assert.match(
      String(faults.at(-1)),
      /^mqtt-limits: Not sent: message on sortbin\/kitchen\/info: the connection ended 5 times in a row after this message alone was sent\.$/,
    );
    publisher.retain('info', `${LARGE}!`);
    rough.cut();
    await until('a new connection', () => rough.connects.length === 8);
    await online(publisher);
    publisher.retain('info', 'short');
    await until('the short info', () => rough.payloads('info').at(-1) === 'short');
    await until('the fault has ended', () => faults.at(-1) === null);
    assert.equal(rough.payloads('info').filter(isLarge).length, 6);
    assert.equal(rough.connects.length, 8);
  });

  it('gets the message again after an hour', async () => {
    const rough = await closesForLarge();
    const { publisher, clock } = closeAfterTest(clockedPublisher(rough.url, { broker }));
    publisher.retain('info', LARGE);
    publisher.start();
    // Halfway between one second and a ceiling of 2, 4, 8, 16, 32 and 60 seconds.
    for (const [index, delayMs] of [1_500, 2_500, 4_500, 8_500, 16_500, 30_500].entries()) {
      await until('a close', () => rough.payloads('info').length === index + 1);
      await until('the loss is detected', () => !publisher.status().connected);
      await until('only the back-off timer is running', () => clock.waiting === 1);
      await clock.advance(delayMs);
    }
    await online(publisher);
    rough.behaviour.puback = () => 0;
    await clock.advance(3_600_000);
    publisher.retain('info', `${LARGE}!`);
    await until('the info', () => rough.payloads('info').length === 7);
  });

  it('skips a guilty event instead of an innocent retained message', async () => {
    const rough = await startBroker();
    rough.behaviour.puback = ({ payload }) => (String(payload).includes('"seq":3}') ? { disconnect: 0 } : 0);
    const { publisher, outbox } = closeAfterTest(fastPublisher(rough.url, { broker }));
    const faults: (string | undefined)[] = [];
    publisher.delivery.onHealth((fault) => faults.push(fault?.code));
    outbox.add(30);
    publisher.retain('info', 'text');
    publisher.retain('state', { fill: 1 });
    publisher.start();
    await until('the others are acknowledged', () => outbox.seqs.length === 1, 20_000);
    await until('the event is undeliverable', () => outbox.undeliverableSeqs.length === 1);
    assert.deepEqual(outbox.undeliverableSeqs, [3]);
    const codes = faults.filter((code) => code !== undefined);
    assert.deepEqual(codes, ['event-refused', 'event-undeliverable']);
  });
});
