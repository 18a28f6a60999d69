import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../support/until.js';
import { cleanups, closeAfterTest, fastPublisher, online, startBroker } from './publisher-kit.js';

const topicsFileOf = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'sortbin-topics-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'retained-topics.json');
};

/** Runs a bin of this id until its state is retained, then stops it. */
const runAs = async (bin: string, url: string, topicsFile: string) => {
  const { publisher } = fastPublisher(url, { bin, topicsFile });
  publisher.retain('info', { version: '1' });
  publisher.retain('state', { fill: 1 });
  publisher.start();
  await online(publisher);
  return publisher;
};

test('removes the retained messages of an earlier id of the bin', async (t) => {
  const topicsFile = await topicsFileOf(t);
  const broker = await startBroker();
  const first = await runAs('kitchen', broker.url, topicsFile);
  await until('the state', () => broker.retained('sortbin/kitchen/state') !== undefined);
  await first.close();
  assert.equal(broker.retained('sortbin/kitchen/availability'), 'offline');

  const second = await runAs('cellar', broker.url, topicsFile);
  cleanups.push(() => second.close());
  await until('the new state', () => broker.retained('sortbin/cellar/state') !== undefined);
  for (const topic of ['availability', 'info', 'state'])
    await until(`${topic} is removed`, () => broker.retained(`sortbin/kitchen/${topic}`) === undefined);
  const topics = (): string[] => JSON.parse(readFileSync(topicsFile, 'utf8')).topics;
  await until('the old topics are forgotten', () => topics().length === 3);
  assert.deepEqual(topics().sort(), [
    'sortbin/cellar/availability',
    'sortbin/cellar/info',
    'sortbin/cellar/state',
  ]);
});

test('keeps the retained messages of an earlier id while another bin uses it', async (t) => {
  const topicsFile = await topicsFileOf(t);
  const broker = await startBroker();
  const first = await runAs('kitchen', broker.url, topicsFile);
  cleanups.push(() => first.close());
  await until('the state', () => broker.retained('sortbin/kitchen/state') !== undefined);

  // A copy of the data folder, with another id and so another client id.
  const options = { bin: 'cellar', topicsFile, broker: { clientId: 'sortbin-cellar' } };
  const { publisher: copy, lines } = closeAfterTest(fastPublisher(broker.url, options));
  copy.retain('info', { version: '1' });
  copy.start();
  await online(copy);
  await until('the old availability was read', () => broker.received.includes('unsubscribe'));
  await copy.close();
  for (const topic of ['availability', 'info', 'state'])
    assert.notEqual(broker.retained(`sortbin/kitchen/${topic}`), undefined, topic);
  assert.deepEqual(lines, []);
  const { topics } = JSON.parse(readFileSync(topicsFile, 'utf8'));
  assert.ok(topics.includes('sortbin/kitchen/info'), 'a later connection tries again');
});

test('warns once of old topics that it may not remove', async (t) => {
  const topicsFile = await topicsFileOf(t);
  const broker = await startBroker({
    puback: ({ topic, payload }) => (topic.includes('/kitchen/') && payload.length === 0 ? 0x87 : 0),
  });
  const first = await runAs('kitchen', broker.url, topicsFile);
  await first.close();
  const removals = () => broker.publishes.filter(({ payload }) => payload.length === 0).length;
  const { publisher, lines } = closeAfterTest(fastPublisher(broker.url, { bin: 'cellar', topicsFile }));
  publisher.start();
  for (const connection of [1, 2]) {
    await until('a removal was tried', () => removals() === connection);
    broker.cut();
  }
  await until('connected again', () => broker.connects.length === 4 && publisher.status().connected);
  const texts = lines.map(({ msg }) => msg).filter((msg) => msg.includes('retained'));
  assert.equal(texts.length, 1);
  assert.match(
    texts[0] ?? '',
    /^retained messages of an earlier bin\.id or mqtt\.prefix stay on the broker: broker \S+: message on sortbin\/kitchen\/info refused with 0x87/,
  );
});

test('removes what an earlier run has retained and this one has not', async (t) => {
  const topicsFile = await topicsFileOf(t);
  const broker = await startBroker();
  const first = await runAs('kitchen', broker.url, topicsFile);
  first.retain('fault/camera-failed', { state: 'raised' });
  await until('the fault', () => broker.retained('sortbin/kitchen/fault/camera-failed') !== undefined);
  await first.close();

  const { publisher } = closeAfterTest(fastPublisher(broker.url, { topicsFile }));
  publisher.retain('info', { version: '2' });
  publisher.start();
  publisher.retain('state', { fill: 2 });
  await until(
    'the fault is removed',
    () => broker.retained('sortbin/kitchen/fault/camera-failed') === undefined,
  );
  await until('the new info', () => broker.retained('sortbin/kitchen/info') === '{"version":"2"}');
  await until('the new state', () => broker.retained('sortbin/kitchen/state') === '{"fill":2}');
  const topics = (): string[] => JSON.parse(readFileSync(topicsFile, 'utf8')).topics;
  await until('the fault is forgotten', () => topics().length === 3);
});

const DEVICE = { absolute: 'homeassistant/device/sortbin-kitchen/config' };

test('removes an absolute message that this run has not retained', async (t) => {
  const topicsFile = await topicsFileOf(t);
  const broker = await startBroker();
  const first = await runAs('kitchen', broker.url, topicsFile);
  first.retain(DEVICE, { name: 'kitchen' });
  await until('the device', () => broker.retained(DEVICE.absolute) !== undefined);
  await first.close();
  const second = await runAs('kitchen', broker.url, topicsFile);
  cleanups.push(() => second.close());
  await until('the device is removed', () => broker.retained(DEVICE.absolute) === undefined);
  assert.notEqual(broker.retained('sortbin/kitchen/state'), undefined);
});

test('removes the absolute messages of an earlier id', async (t) => {
  const topicsFile = await topicsFileOf(t);
  const broker = await startBroker();
  const first = await runAs('kitchen', broker.url, topicsFile);
  first.retain(DEVICE, { name: 'kitchen' });
  first.retain({ absolute: 'shared/topic' }, 'kitchen');
  await until('the device', () => broker.retained(DEVICE.absolute) !== undefined);

  const options = { bin: 'cellar', topicsFile, broker: { clientId: 'sortbin-cellar' } };
  const { publisher: copy } = closeAfterTest(fastPublisher(broker.url, options));
  copy.retain({ absolute: 'shared/topic' }, 'cellar');
  copy.start();
  await until('the old availability was read', () => broker.received.includes('unsubscribe'));
  assert.notEqual(broker.retained(DEVICE.absolute), undefined, 'another bin has this id');
  await copy.close();
  await first.close();

  const second = await runAs('cellar', broker.url, topicsFile);
  cleanups.push(() => second.close());
  second.retain({ absolute: 'shared/topic' }, 'cellar');
  await until('the device is removed', () => broker.retained(DEVICE.absolute) === undefined);
  await until('the old state is removed', () => broker.retained('sortbin/kitchen/state') === undefined);
  assert.equal(broker.retained('shared/topic'), 'cellar', 'it belongs to the new id now');
  const removals = broker.publishes.filter(({ payload }) => payload.length === 0).map(({ topic }) => topic);
  const isAnnouncedFirst = removals.indexOf(DEVICE.absolute) < removals.indexOf('sortbin/kitchen/state');
  assert.ok(isAnnouncedFirst, 'programs that read the state know first that it ends');
});

test('does not forget a topic whose removal the broker has not acknowledged', async (t) => {
  const topicsFile = await topicsFileOf(t);
  const broker = await startBroker();
  const first = await runAs('kitchen', broker.url, topicsFile);
  first.retain('fault/camera-failed', { state: 'raised' });
  await until('the fault', () => broker.retained('sortbin/kitchen/fault/camera-failed') !== undefined);
  await first.close();

  broker.behaviour.puback = ({ topic }) => (topic.includes('fault') ? 'none' : 0);
  const { publisher } = fastPublisher(broker.url, { topicsFile });
  const topics = (): string[] => JSON.parse(readFileSync(topicsFile, 'utf8')).topics;
  publisher.retain('info', { version: '2' });
  publisher.retain('stays', 'new');
  assert.ok(
    topics().includes('sortbin/kitchen/fault/camera-failed'),
    'a kill during the start forgets nothing',
  );
  publisher.start();
  const removals = () => broker.publishes.filter(({ payload }) => payload.length === 0).length;
  await until('a removal was tried', () => removals() > 0);
  await publisher.close();
  assert.ok(topics().includes('sortbin/kitchen/fault/camera-failed'));
});

test('does without a file that is damaged or cannot be written', async (t) => {
  const topicsFile = await topicsFileOf(t);
  await writeFile(topicsFile, '{"topics": 5');
  const broker = await startBroker();
  const damaged = closeAfterTest(fastPublisher(broker.url, { topicsFile }));
  damaged.publisher.start();
  await online(damaged.publisher);
  const unwritable = closeAfterTest(fastPublisher(broker.url, { topicsFile: '/proc/none/topics.json' }));
  unwritable.publisher.retain('info', '1');
  assert.match(unwritable.lines[0]?.msg ?? '', /^failed to write \/proc\/none\/topics.json: /);
});
