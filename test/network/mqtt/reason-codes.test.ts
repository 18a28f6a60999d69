import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemClock } from '../../../device/kit/clock.js';
import type { Connection } from '../../../device/network/mqtt/connection.js';
import { ConnectionError } from '../../../device/network/mqtt/connection-error.js';
import { Connector } from '../../../device/network/mqtt/connector.js';
import type { RoughBroker } from '../../support/network/rough-broker.js';
import { until } from '../../support/until.js';
import { cleanups, clockedPublisher, startBroker } from './publisher-kit.js';

const openConnection = async (broker: RoughBroker): Promise<Connection> => {
  const will = { topic: 'sortbin/kitchen/availability', payload: 'offline' };
  const options = { url: broker.url, clientId: 'sortbin-kitchen' };
  const connection = await new Connector(options, will, new SystemClock()).connect(
    new AbortController().signal,
  );
  cleanups.push(() => connection.end(100));
  return connection;
};

const EVENT = { qos: 1, retain: false } as const;
const publish = (connection: Connection, payload: string): Promise<ConnectionError | null> =>
  connection.publish('sortbin/kitchen/event', payload, EVENT, 5_000).then(
    () => null,
    (thrown: unknown) => {
      assert.ok(thrown instanceof ConnectionError);
      return thrown;
    },
  );

for (const [reasonCode, code, message] of [
  [0x80, 'publish-refused', /refused with 0x80/],
  [0x87, 'not-authorised', /refused with 0x87 .*Not authorized\)\. Check the access rules of the broker\.$/],
  [0x91, 'publish-refused', /refused with 0x91/],
  [
    0x95,
    'message-too-large',
    /refused with 0x95 .*: 30 bytes\. Raise the maximum packet size of the broker\.$/,
  ],
  [0x97, 'publish-refused', /refused with 0x97/],
] as const)
  test(`reports the PUBACK 0x${reasonCode.toString(16)} as ${code}, and keeps the connection`, async () => {
    const broker = await startBroker({
      puback: ({ payload }) => (payload.toString() === 'no' ? reasonCode : 0),
    });
    const connection = await openConnection(broker);
    const [refused, ...others] = await Promise.all(
      ['no', '1', '2'].map((payload) => publish(connection, payload)),
    );
    assert.deepEqual([refused?.code, refused?.reasonCode], [code, reasonCode]);
    assert.match(refused?.message ?? '', message);
    assert.match(refused?.message ?? '', /^broker mqtt:.*: message on sortbin\/kitchen\/event/);
    assert.deepEqual([...others, await publish(connection, '3')], [null, null, null]);
  });

test('reports no PUBACK with 0x10, no subscriber', async () => {
  const connection = await openConnection(await startBroker({ puback: () => 0x10 }));
  assert.equal(await publish(connection, '1'), null);
});

for (const [reasonCode, code, message] of [
  [0x87, 'not-authorised', /connection lost \(DISCONNECT 0x87\)\. Check the access rules of the broker\.$/],
  [0x8b, 'connection-lost', /connection lost \(DISCONNECT 0x8b\)$/],
  [
    0x8e,
    'session-taken-over',
    /another client uses the client id "sortbin-kitchen" \(DISCONNECT 0x8e\)\. Run each bin once, and give each bin its own bin\.id\.$/,
  ],
] as const)
  test(`reports a DISCONNECT 0x${reasonCode.toString(16)} as ${code}`, async () => {
    const connection = await openConnection(
      await startBroker({ puback: () => ({ disconnect: reasonCode }) }),
    );
    const error = await publish(connection, '1');
    assert.equal(error, connection.closed.reason);
    assert.deepEqual([error?.code, error?.reasonCode], [code, reasonCode]);
    assert.match(error?.message ?? '', message);
  });

test('names the largest message in flight as the reason for a DISCONNECT 0x95, and no other', async () => {
  const broker = await startBroker({
    puback: ({ payload }) => (payload.toString() === 'end' ? { disconnect: 0x95 } : 'none'),
  });
  const connection = await openConnection(broker);
  const errors = await Promise.all(
    ['1', 'largest', '2', 'end'].map((payload) => publish(connection, payload)),
  );
  const codes = errors.map((error) => error?.code);
  assert.deepEqual(codes, ['connection-lost', 'message-too-large', 'connection-lost', 'connection-lost']);
  assert.match(errors[1]?.message ?? '', /message on sortbin\/kitchen\/event is too large: 35 bytes/);
  assert.ok(errors.every((error) => error?.reasonCode === 0x95));
});

test('reports the reason code of a refused CONNECT', async () => {
  const broker = await startBroker({ accepts: () => false, refusal: 0x88 });
  await assert.rejects(
    openConnection(broker),
    (error) =>
      error instanceof ConnectionError && error.code === 'connect-refused' && error.reasonCode === 0x88,
  );
});

test('names the client id if several connections in a row end early, until one stays', async () => {
  const broker = await startBroker({
    accepts: ({ protocolVersion }) => protocolVersion === 4,
    refusal: 0x01,
  });
  const { publisher, clock } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  publisher.start();
  // Halfway between one second and a ceiling of 2, 4, 8, 16 and 32 seconds. A connection of a minute resets the ceiling.
  const delays = [1_500, 2_500, 4_500, 8_500, 16_500, 30_500, 1_500, 2_500];
  const loseAfter = async (ms: number) => {
    await until('connected', () => publisher.status().connected);
    await clock.advance(ms);
    broker.cut();
    await until('only the back-off timer is running', () => clock.waiting === 1);
    const { lastError } = publisher.status();
    await clock.advance(delays.shift() ?? 0);
    return String(lastError);
  };
  const named =
    /connection lost \(.*\)\. [56] connections in a row ended within a minute: the network may be unstable, or another client may use the client id "sortbin-kitchen"\. Run each bin once/;
  for (let loss = 1; loss <= 4; loss++) assert.doesNotMatch(await loseAfter(2_000), /client id/);
  for (let loss = 5; loss <= 6; loss++) assert.match(await loseAfter(30_000), named);
  assert.doesNotMatch(await loseAfter(60_000), /client id/);
  assert.doesNotMatch(await loseAfter(2_000), /client id/);
});
