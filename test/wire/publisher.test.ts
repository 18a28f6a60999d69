import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { pino } from 'pino';
import { parseConfig } from '../../device/config/load.js';
import { SystemClock } from '../../device/kit/clock.js';
import { digestOf } from '../../device/wire/loaded-config.js';
import { clientIdOf, wirePublisher } from '../../device/wire/publisher.js';
import { MemoryOutbox } from '../support/network/memory-outbox.js';
import { RoughBroker } from '../support/network/rough-broker.js';
import { until } from '../support/until.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Returns the first CONNECT of a bin with this section `mqtt`. */
const connectOf = async (mqtt: string, files: Readonly<Record<string, string>> = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-publisher-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const previous = process.env.CREDENTIALS_DIRECTORY;
  process.env.CREDENTIALS_DIRECTORY = folder;
  const broker = await new RoughBroker().start();
  cleanups.push(() => broker.stop());
  const config = parseConfig(`bin: { id: hall }\nmqtt: { ${mqtt} }\n`, 'sortbin.yaml');
  const loaded = { config, folder, log: pino({ level: 'silent' }) };
  const publisher = wirePublisher(
    loaded,
    { url: broker.url, isEmbedded: false },
    new MemoryOutbox(),
    new SystemClock(),
  );
  cleanups.push(() => publisher.close());
  if (previous === undefined) delete process.env.CREDENTIALS_DIRECTORY;
  else process.env.CREDENTIALS_DIRECTORY = previous;
  publisher.start();
  await until('CONNECT', () => broker.connects.length > 0);
  const [connect] = broker.connects;
  return { clientId: connect?.clientId, login: [connect?.username, connect?.password?.toString()] };
};

test('takes the password from the configuration, from a file of its folder, or from a credential of systemd', async () => {
  const files = { 'my-password': 'from file\n', 'mqtt-password': 'from systemd\n' };
  const loginOf = async (mqtt: string) => (await connectOf(mqtt, files)).login;
  assert.deepEqual(await loginOf('username: u, password: p'), ['u', 'p']);
  assert.deepEqual(await loginOf('username: u, passwordFile: my-password'), ['u', 'from file']);
  assert.deepEqual(await loginOf('username: u'), ['u', 'from systemd']);
  assert.deepEqual(await loginOf(''), [undefined, undefined]);
  assert.deepEqual((await connectOf('username: u')).login, ['u', undefined]);
  assert.deepEqual((await connectOf('username: u', { 'mqtt-password': '\n' })).login, ['u', undefined]);
});

test('gives each bin another client id, and a simple prefix its id of earlier versions', async () => {
  assert.equal((await connectOf('')).clientId, 'sortbin-hall');
  const bases = [
    ['a', 'b-c'],
    ['a/b', 'c'],
    ['a-b', 'c'],
    ['a-', 'b-c'],
    ['a-_b', 'c'],
    ['a/-b', 'c'],
    ['a-/b', 'c'],
    ['a', 'b--c'],
  ] as const;
  const ids = bases.map(([prefix, bin]) => clientIdOf(prefix, bin));
  assert.equal(new Set(ids).size, bases.length, ids.join(' '));
  assert.ok(ids.every((id) => /^[A-Za-z0-9_-]+$/.test(id)));
});

test('makes a digest of the configuration that does not depend on a password', () => {
  const digest = (mqtt: string) => digestOf(parseConfig(`mqtt: { ${mqtt} }`, 'sortbin.yaml'));
  assert.equal(digest('username: u, password: one'), digest('username: u, password: two'));
  assert.equal(digest('url: "mqtt://u:one@h"'), digest('url: "mqtt://u:two@h"'));
  assert.notEqual(digest('url: "mqtt://u:one@h"'), digest('url: "mqtt://v:one@h"'));
});
