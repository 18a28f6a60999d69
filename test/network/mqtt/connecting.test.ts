import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { ConnectionError } from '../../../device/network/mqtt/connection-error.js';
import type { RoughBroker } from '../../support/network/rough-broker.js';
import { until } from '../../support/until.js';
import { cleanups, clockedPublisher, fastPublisher, startBroker } from './publisher-kit.js';

const versions = (broker: RoughBroker) => broker.connects.map(({ protocolVersion }) => protocolVersion);

test('reconnects more slowly after each short connection, and soon after a long one', async () => {
  const broker = await startBroker();
  const { publisher, clock } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  publisher.start();
  const breakConnection = async () => {
    await until('connected', () => publisher.status().connected);
    broker.cut();
    await until('only the back-off timer is running', () => clock.waiting === 1);
  };
  const expectNextAfter = async (delayMs: number) => {
    const { length } = broker.connects;
    await clock.advance(delayMs - 1);
    assert.equal(broker.connects.length, length);
    await clock.advance(1);
    await until('another CONNECT', () => broker.connects.length === length + 1);
  };
  // Halfway between one second and a ceiling of 2, 4, 8 and up to 60 seconds, because the random function returns 0.5.
  for (const delayMs of [1_500, 2_500, 4_500, 8_500, 16_500, 30_500, 30_500]) {
    await breakConnection();
    await expectNextAfter(delayMs);
  }
  await until('connected', () => publisher.status().connected);
  await clock.advance(60_000);
  await breakConnection();
  await expectNextAfter(1_500);
});

for (const [means, refusal] of [
  ['CONNACK 1', 0x01],
  ['CONNACK 0x84', 0x84],
  ['closing', 'close'],
] as const) {
  test(`falls back to 3.1.1 if the broker refuses MQTT 5 by ${means}, and tries 5 again after an hour`, async () => {
    const broker = await startBroker({ refusal, accepts: ({ protocolVersion }) => protocolVersion === 4 });
    const { publisher, outbox, clock } = clockedPublisher(broker.url);
    cleanups.push(() => publisher.close());
    outbox.add();
    publisher.start();
    await outbox.empty();
    assert.deepEqual(versions(broker), [5, 4]);
    broker.cut();
    await until('the loss is detected', () => !publisher.status().connected);
    await clock.advance(2_000);
    await until('connected', () => publisher.status().connected);
    assert.deepEqual(versions(broker), [5, 4, 4]);
    await clock.advance(3_600_000);
    broker.cut();
    await until('the loss is detected', () => !publisher.status().connected);
    await clock.advance(2_000);
    await until('connected', () => publisher.status().connected);
    assert.deepEqual(versions(broker), [5, 4, 4, 5, 4]);
  });
}

test('tries both versions if the broker closes before CONNACK, and names the broker in the error', async () => {
  const broker = await startBroker({ refusal: 'close', accepts: () => false });
  const { publisher, clock } = clockedPublisher(broker.url);
  publisher.start();
  await until('an error', () => publisher.status().lastError !== null);
  assert.deepEqual(versions(broker), [5, 4]);
  assert.match(
    String(publisher.status().lastError),
    /mqtt:\/\/127\.0\.0\.1:\d+: closed the connection before CONNACK/,
  );
  await publisher.close();
  assert.equal(clock.waiting, 0);
});

test('reports wrong credentials without showing them', async () => {
  const broker = await startBroker({ refusal: 0x86, accepts: () => false });
  const url = broker.url.replace('//', '//bin:secret@');
  const { publisher, lines } = clockedPublisher(url);
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('an error', () => publisher.status().lastError !== null);
  assert.equal(broker.connects[0]?.username, 'bin');
  assert.match(String(publisher.status().lastError), /Bad User Name or Password \(0x86\)/);
  assert.doesNotMatch(JSON.stringify([publisher.status(), lines]), /secret/);
});

test('gives up after the deadline if the broker never answers CONNECT', async () => {
  const broker = await startBroker({ refusal: 'silence', accepts: () => false });
  const { publisher, clock } = clockedPublisher(broker.url);
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('CONNECT', () => broker.connects.length === 1);
  await clock.advance(10_000);
  await until('an error', () => publisher.status().lastError !== null);
  assert.match(String(publisher.status().lastError), /no CONNACK within 10000 ms/);
  await until('the socket is gone', () => broker.connections === 0);
  assert.deepEqual(versions(broker), [5]);
});

test('detects a dead connection by keepalive', async () => {
  const broker = await startBroker();
  const { publisher, clock } = clockedPublisher(broker.url, { broker: { keepaliveSeconds: 30 } });
  cleanups.push(() => publisher.close());
  publisher.start();
  await until('connected', () => publisher.status().connected);
  broker.ignoresPings = true;
  await clock.advance(45_000);
  await until('the loss is detected', () => !publisher.status().connected);
  assert.match(String(publisher.status().lastError), /connection lost \(Keepalive timeout\)/);
});

test('refuses an invalid broker URL at once, without showing it', () => {
  for (const url of ['', 'broker', 'http://broker', 'mqtt://', 'ftp://x', 'mqtt://bin:100%secret@h']) {
    assert.throws(
      () => fastPublisher(url),
      (error: unknown) =>
        error instanceof ConnectionError &&
        error.code === 'broker-url-invalid' &&
        !error.message.includes('secret'),
      url,
    );
  }
});

test('decodes the user name and the password of a URL', async () => {
  for (const [url, username, password] of [
    ['bin:a:b:c', 'bin', 'a:b:c'],
    ['b%3An:p%3A%40%25%C3%BC', 'b:n', 'p:@%ü'],
    ['bin', 'bin', undefined],
  ] as const) {
    const broker = await startBroker();
    const { publisher } = fastPublisher(broker.url.replace('//', `//${url}@`));
    cleanups.push(() => publisher.close());
    publisher.start();
    await until('CONNECT', () => broker.connects.length === 1);
    const [connect] = broker.connects;
    assert.deepEqual([connect?.username, connect?.password?.toString()], [username, password], url);
  }
});

for (const scheme of ['mqtt', 'ws'])
  test(`keeps the address of an IPv6 URL with ${scheme}://`, async () => {
    const { publisher } = fastPublisher(`${scheme}://[::1]:1/path`);
    cleanups.push(() => publisher.close());
    publisher.start();
    await until('an error', () => publisher.status().lastError !== null);
    assert.match(
      String(publisher.status().lastError),
      new RegExp(`^broker ${scheme}://\\[::1\\]:1: connect E[A-Z]+ ::1:1`),
    );
  });

test('requests the path and the query of a WebSocket URL', async () => {
  const requests: (string | undefined)[] = [];
  const server = createServer((socket) =>
    socket
      .on('error', () => {})
      .once('data', (bytes) => {
        requests.push(bytes.toString().split('\r\n')[0]);
        socket.destroy();
      }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { publisher } = fastPublisher(`ws://127.0.0.1:${port}/mqtt?clientId=other`);
  cleanups.push(
    () => publisher.close(),
    () => new Promise((resolve) => server.close(resolve)),
  );
  publisher.start();
  await until('a request', () => requests.length > 0);
  assert.equal(requests[0], 'GET /mqtt?clientId=other HTTP/1.1');
});
