import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import type { Credentials } from '../../../device/network/mqtt/credentials.js';
import { CA_CERTIFICATE, CLIENT, SERVER } from '../../support/network/certificates.js';
import { RoughBroker } from '../../support/network/rough-broker.js';
import { until } from '../../support/until.js';
import { fastPublisher } from './publisher-kit.js';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sortbin-credentials-'));
});
after(() => rm(folder, { recursive: true }));

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Writes a file of the test folder and returns its path. */
const file = async (name: string, text: string | Buffer): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

const startBroker = async () => {
  const broker = await new RoughBroker().start();
  cleanups.push(() => broker.stop());
  return broker;
};

/** A TLS server before a broker. It requires a certificate of the client. */
const startTlsBroker = async () => {
  const broker = await startBroker();
  const subjects: (string | undefined)[] = [];
  const options = { ...SERVER, ca: CA_CERTIFICATE, requestCert: true };
  const server = createServer(options, (socket: TLSSocket) => {
    subjects.push(socket.getPeerCertificate().subject.CN as string);
    const inner = connect(broker.port, '127.0.0.1');
    socket.on('error', () => inner.destroy()).pipe(inner);
    inner.on('error', () => socket.destroy()).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return { subjects, url: `mqtts://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

const publish = (url: string, broker: Credentials) => {
  const made = fastPublisher(url, { broker });
  cleanups.push(() => made.publisher.close());
  made.publisher.start();
  return made;
};

/** Returns the first error of a publisher with these credentials. */
const errorOf = async (broker: Credentials, url = 'mqtts://127.0.0.1:1'): Promise<string> => {
  const { publisher, health } = publish(url, broker);
  await until('an error', () => health.length > 0);
  await publisher.close();
  return String(health[0]).replaceAll(folder, '');
};

test('reads the password file for each connection, without its last newline', async () => {
  const broker = await startBroker();
  const passwordFile = await file('password', 'first \n\r\n');
  const { publisher, lines } = publish(broker.url, { username: 'bin', passwordFile });
  await until('connected', () => publisher.status().connected);
  await file('password', 'second secret');
  broker.cut();
  await until('connected again', () => broker.connects.length === 2);
  const passwords = broker.connects.map(({ username, password }) => [username, password?.toString()]);
  assert.deepEqual(passwords, [
    ['bin', 'first \n'],
    ['bin', 'second secret'],
  ]);
  assert.doesNotMatch(JSON.stringify([publisher.status(), lines]), /secret/);
});

test('names a password file that is missing, empty or too large, and never shows its content', async () => {
  const expected = 'Use a file that the daemon can read, and that contains only the password.';
  const passwordFile = join(folder, 'none');
  const missing = await errorOf({ username: 'bin', passwordFile });
  assert.match(missing, /^password-file-unusable: mqtt\.passwordFile: cannot read \/none: ENOENT/);
  assert.ok(missing.endsWith(`. ${expected}`), missing);
  assert.equal(
    await errorOf({ username: 'bin', passwordFile: await file('empty', '\n') }),
    `password-file-unusable: mqtt.passwordFile: /empty has no password. ${expected}`,
  );
  assert.equal(
    await errorOf({ username: 'bin', passwordFile: await file('large', 'x'.repeat(70_000)) }),
    `password-file-unusable: mqtt.passwordFile: /large is too large (70000 bytes). ${expected}`,
  );
});

test('connects with a CA and a client certificate', async () => {
  const { url, subjects } = await startTlsBroker();
  const client = {
    certFile: await file('client.pem', CLIENT.cert),
    keyFile: await file('client.key', CLIENT.key),
  };
  const caFile = await file('ca.pem', `The authority:\n${CA_CERTIFICATE}`);
  const { publisher, outbox } = publish(url, { caFile, client });
  outbox.add();
  publisher.notify();
  await outbox.empty();
  assert.deepEqual(subjects, ['sortbin test client']);
});

test('names a CA file that cannot be read, and one without a usable certificate', async () => {
  const expected = 'Use a PEM file: it contains the line "-----BEGIN CERTIFICATE-----".';
  assert.match(
    await errorOf({ caFile: join(folder, 'none.pem') }),
    /^ca-file-unreadable: mqtt\.ca: cannot read \/none\.pem: ENOENT.*\. Use a PEM file that the daemon can read\.$/,
  );
  for (const [name, content] of [
    ['key', SERVER.key],
    ['der', Buffer.from([0x30, 0x82, 0x01])],
    ['empty', ''],
  ] as const)
    assert.equal(
      await errorOf({ caFile: await file(name, content) }),
      `ca-file-invalid: mqtt.ca: no certificate in /${name}. ${expected}`,
    );
  const damaged = CA_CERTIFICATE.replace('MII', 'AAA');
  const message = await errorOf({ caFile: await file('two.pem', `${CA_CERTIFICATE}${damaged}`) });
  assert.match(message, /^ca-file-invalid: mqtt\.ca: a certificate in \/two\.pem is damaged: /);
});

test('names a client certificate and a key that cannot be used', async () => {
  const certFile = await file('cert.pem', CLIENT.cert);
  const keyFile = await file('key.pem', CLIENT.key);
  const code = 'client-certificate-unusable';
  const errorWith = (changed: Partial<NonNullable<Credentials['client']>>) =>
    errorOf({ client: { certFile, keyFile, ...changed } });
  assert.match(
    await errorWith({ certFile: join(folder, 'none') }),
    new RegExp(`^${code}: mqtt\\.cert: cannot read /none: ENOENT`),
  );
  assert.match(
    await errorWith({ keyFile: join(folder, 'none') }),
    new RegExp(`^${code}: mqtt\\.key: cannot read /none: ENOENT`),
  );
  assert.match(
    await errorWith({ certFile: keyFile }),
    new RegExp(`^${code}: mqtt\\.cert: no certificate in /key\\.pem\\. Use a PEM file`),
  );
  assert.match(
    await errorWith({ keyFile: certFile }),
    new RegExp(
      `^${code}: mqtt\\.key: no private key in /cert\\.pem: .*Use a PEM file with a key that has no passphrase`,
    ),
  );
  assert.equal(
    await errorWith({ keyFile: await file('other.pem', SERVER.key) }),
    `${code}: mqtt.key: /other.pem is not the key of the certificate in /cert.pem. Use the two files that belong together.`,
  );
});

test('says what to do if TLS fails', async () => {
  const { url } = await startTlsBroker();
  assert.match(await errorOf({}, url), /^broker-unreachable: .*\. Set mqtt\.ca to the file of the authority/);
  const stranger = await file('stranger.pem', CLIENT.cert);
  assert.match(
    await errorOf({ caFile: stranger }, url),
    /^broker-unreachable: .*\. mqtt\.ca: \/stranger\.pem does not contain the authority of this broker\./,
  );
  const caFile = await file('ca.pem', CA_CERTIFICATE);
  assert.match(
    await errorOf({ caFile }, url),
    /^broker-unreachable: .*\. The broker requires a certificate of the client\. Set mqtt\.cert and mqtt\.key\.$/,
  );
});

test('says that a port may not use TLS', async () => {
  const plain = createPlainServer((socket) => socket.once('data', () => socket.destroy()));
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  cleanups.push(() => new Promise((resolve) => plain.close(resolve)));
  assert.match(
    await errorOf({}, `mqtts://127.0.0.1:${(plain.address() as AddressInfo).port}`),
    /^closed-before-connack: .*ECONNRESET\)\. The port may not use TLS: check the port and the beginning of mqtt\.url\.$/,
  );
});
