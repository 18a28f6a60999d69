import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Server } from 'node:net';
import { afterEach, test } from 'node:test';
import { connect } from 'mqtt';
import { EmbeddedBrokerError } from '../../../device/network/mqtt/embedded/embedded-broker.js';
import { until } from '../../support/until.js';
import { cleanUp, cleanUpLater, openBroker } from './embedded-broker-kit.js';
import { fastPublisher } from './publisher-kit.js';

afterEach(cleanUp);

const occupy = async (port: number): Promise<Server | null> => {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return null;
  }
  cleanUpLater(() => new Promise((resolve) => server.close(resolve)));
  return server;
};
/** Returns a port that is in use. */
const portInUse = async (): Promise<number> => {
  const server = await occupy(0);
  assert.ok(server);
  return (server.address() as AddressInfo).port;
};

test('accepts a publisher, and sends its retained messages to a subscriber', async () => {
  const { broker } = await openBroker();
  const { publisher, outbox } = fastPublisher(broker.url);
  cleanUpLater(() => publisher.close());
  const seqs = outbox.add(100);
  publisher.retain('state', { cycle: 'idle' });
  publisher.start();
  await outbox.empty();
  const client = connect(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  cleanUpLater(() => client.endAsync(true));
  const received: string[] = [];
  client.on('message', (topic, payload) => received.push(`${topic} ${payload}`));
  await client.subscribeAsync('#');
  await until('both retained messages', () => received.length === 2);
  assert.deepEqual(received.sort(), [
    'sortbin/kitchen/availability online',
    'sortbin/kitchen/state {"cycle":"idle"}',
  ]);
  assert.equal(seqs.length, 100);
});

test('skips a port in use for a later one, and reports both', async () => {
  const requestedPort = await portInUse();
  const { broker } = await openBroker({ port: requestedPort });
  assert.equal(broker.requestedPort, requestedPort);
  assert.notEqual(broker.port, requestedPort);
  assert.equal(broker.url, `mqtt://127.0.0.1:${broker.port}`);
});

test('uses any free port if the next ten are also in use', async () => {
  const requestedPort = await portInUse();
  for (let offset = 1; offset <= 10; offset++) await occupy(requestedPort + offset);
  const { broker } = await openBroker({ port: requestedPort });
  assert.ok(broker.port < requestedPort || broker.port > requestedPort + 10, `${broker.port}`);
});

test('refuses an address of another machine, and names it in the error', async () => {
  await assert.rejects(
    openBroker({ host: '192.0.2.1', port: 0 }),
    (error: unknown) =>
      error instanceof EmbeddedBrokerError &&
      error.code === 'broker-listen-failed' &&
      /^mqtt\.embedded: cannot listen on 192\.0\.2\.1 port 0 \(.*EADDRNOTAVAIL.*\)\. Choose another host or port\.$/.test(
        error.message,
      ),
  );
});

test('disconnects the sender of a message that is too large, and does not keep the message', async () => {
  const { broker, lines } = await openBroker({ maxPayloadBytes: 100 });
  const client = connect(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  cleanUpLater(() => client.endAsync(true));
  const closed = new Promise<void>((resolve) => client.once('close', resolve));
  client.publish('a', 'x'.repeat(101), { retain: true });
  await closed;
  assert.match(lines[0]?.msg ?? '', /client "mqttjs_.*" failed \(message on a exceeds 100 bytes\)/);
  const other = connect(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  cleanUpLater(() => other.endAsync(true));
  const received: string[] = [];
  other.on('message', (topic) => received.push(topic));
  await other.subscribeAsync('#');
  await other.publishAsync('b', 'x'.repeat(100), { qos: 1 });
  await until('the smaller one', () => received.length > 0);
  assert.deepEqual(received, ['b']);
});

test('closes at once, with and without connected clients', async () => {
  const { broker } = await openBroker();
  const { publisher } = fastPublisher(broker.url);
  cleanUpLater(() => publisher.close());
  publisher.start();
  await until('connected', () => publisher.status().connected);
  const silent = connectSocket(broker.port, '127.0.0.1');
  silent.on('error', () => {});
  await once(silent, 'connect');
  const silentClosed = once(silent, 'close');
  await broker.close();
  await silentClosed;
  await until('the publisher detects it', () => !publisher.status().connected);
  await broker.close();
  const again = await occupy(broker.port);
  assert.notEqual(again, null, 'the port is free');
});

test('closes the connections of clients above the limit', async () => {
  const { broker } = await openBroker({ maxConnections: 1 });
  const first = connect(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  cleanUpLater(() => first.endAsync(true));
  await new Promise((resolve) => first.once('connect', resolve));
  const second = connectSocket(broker.port, '127.0.0.1');
  second.on('error', () => {});
  await once(second, 'close');
  assert.ok(first.connected);
});
