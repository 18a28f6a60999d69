import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Server } from 'node:net';
import { afterEach, test } from 'node:test';
import { connect } from 'mqtt';
import {
  EmbeddedBrokerError,
  type EmbeddedBrokerOptions,
  startEmbeddedBroker,
} from '../../../device/network/mqtt/embedded-broker.js';
import { until } from '../../support/until.js';
import { fastPublisher, readableLog } from './publisher-kit.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const open = async (options: EmbeddedBrokerOptions) => {
  const { log, lines } = readableLog();
  const broker = await startEmbeddedBroker(options, log);
  cleanups.push(() => broker.close());
  return { broker, lines };
};

const occupy = async (port: number): Promise<Server | null> => {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return null;
  }
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return server;
};
/** A port that another program has. */
const takenPort = async (): Promise<number> => {
  const server = await occupy(0);
  assert.ok(server);
  return (server.address() as AddressInfo).port;
};

test('a publisher reaches it, and a subscriber hears what was said', async () => {
  const { broker } = await open({ port: 0 });
  const { publisher, outbox } = fastPublisher(broker.url);
  cleanups.push(() => publisher.close());
  const seqs = outbox.add(100);
  publisher.state({ cycle: 'idle' });
  publisher.start();
  await outbox.empty();
  const client = connect(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  cleanups.push(() => client.endAsync(true));
  const heard: string[] = [];
  client.on('message', (topic, payload) => heard.push(`${topic} ${payload}`));
  await client.subscribeAsync('#');
  await until('both retained messages', () => heard.length === 2);
  assert.deepEqual(heard.sort(), [
    'sortbin/kitchen/availability online',
    'sortbin/kitchen/state {"cycle":"idle"}',
  ]);
  assert.equal(seqs.length, 100);
});

test('a port that is taken is passed over for one of the next, and both are told', async () => {
  const wanted = await takenPort();
  const { broker } = await open({ port: wanted });
  assert.equal(broker.requestedPort, wanted);
  assert.notEqual(broker.port, wanted);
  assert.equal(broker.url, `mqtt://127.0.0.1:${broker.port}`);
});

test('where the next ten are taken as well the system chooses', async () => {
  const wanted = await takenPort();
  for (let more = 1; more <= 10; more++) await occupy(wanted + more);
  const { broker } = await open({ port: wanted });
  assert.ok(broker.port < wanted || broker.port > wanted + 10, `${broker.port}`);
});

test('an address that is not this machine is an error that names it', async () => {
  await assert.rejects(
    open({ host: '192.0.2.1', port: 0 }),
    (error: unknown) =>
      error instanceof EmbeddedBrokerError &&
      error.code === 'broker-listen-failed' &&
      /192\.0\.2\.1 port 0: .*EADDRNOTAVAIL/.test(error.message),
  );
});

test('a message that is too large costs its sender the connection, and is not kept', async () => {
  const { broker, lines } = await open({ port: 0, maxPayloadBytes: 100 });
  const client = connect(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  cleanups.push(() => client.endAsync(true));
  const closed = new Promise<void>((resolve) => client.once('close', resolve));
  client.publish('a', 'x'.repeat(101), { retain: true });
  await closed;
  assert.match(lines[0]?.msg ?? '', /message on a exceeds 100 bytes/);
  const other = connect(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  cleanups.push(() => other.endAsync(true));
  const heard: string[] = [];
  other.on('message', (topic) => heard.push(topic));
  await other.subscribeAsync('#');
  await other.publishAsync('b', 'x'.repeat(100), { qos: 1 });
  await until('the smaller one', () => heard.length > 0);
  assert.deepEqual(heard, ['b']);
});

test('it closes at once, whoever is connected', async () => {
  const { broker } = await open({ port: 0 });
  const { publisher } = fastPublisher(broker.url);
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('connected', () => publisher.status().connected);
  const mute = connectSocket(broker.port, '127.0.0.1');
  mute.on('error', () => {});
  await once(mute, 'connect');
  const muteClosed = once(mute, 'close');
  await broker.close();
  await muteClosed;
  await until('the publisher notices', () => !publisher.status().connected);
  await broker.close();
  const again = await occupy(broker.port);
  assert.notEqual(again, null, 'the port is free');
});

test('clients beyond the limit are turned away', async () => {
  const { broker } = await open({ port: 0, maxConnections: 1 });
  const first = connect(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  cleanups.push(() => first.endAsync(true));
  await new Promise((resolve) => first.once('connect', resolve));
  const second = connectSocket(broker.port, '127.0.0.1');
  second.on('error', () => {});
  await once(second, 'close');
  assert.ok(first.connected);
});
