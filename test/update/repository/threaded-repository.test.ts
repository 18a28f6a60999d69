import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { ThreadedRepository } from '../../../device/update/repository/threaded-repository.js';
import { until } from '../../support/until.js';
import { unwrap } from '../../support/unwrap.js';
import { DAY_MS } from '../../support/update/test-repository.js';
import { BUNDLE, bundlesOf, faultOf, makeUpdateClient, modelOf } from '../../support/update/update-client.js';

/** The thread has the clock of the system, so the metadata must be valid today. */
const makeThreaded = async (t: TestContext) => {
  const made = await makeUpdateClient(t);
  made.repo.advance(Date.now() - Date.UTC(2026, 0, 1) + DAY_MS);
  made.repo.rotate();
  made.repo.publish();
  const clock = new SimulatedClock();
  const { server, folder } = made;
  const threaded = new ThreadedRepository({
    folder: join(folder, 'threaded'),
    url: server.url,
    builtAtMs: 0,
    clock,
  });
  t.after(() => threaded.close());
  return { ...made, clock, threaded };
};

test('answers like the client in the same thread', async (t) => {
  const { threaded, repo, folder, signal } = await makeThreaded(t);
  assert.equal(unwrap(await threaded.trustedRoot()), null);
  assert.equal(faultOf(await threaded.refresh(signal)).code, 'update-untrusted');
  assert.equal(unwrap(await threaded.trustRoot(repo.rootJson)).threshold, 2);
  assert.equal(unwrap(await threaded.stored()), null);
  const catalogue = unwrap(await threaded.refresh(signal));
  assert.deepEqual(bundlesOf(catalogue), ['waste12@1.4.0']);
  assert.deepEqual(unwrap(await threaded.stored()), catalogue);
  const into = join(folder, 'model');
  const progress: number[] = [];
  unwrap(await threaded.download(modelOf(catalogue), into, signal, (bytes) => progress.push(bytes)));
  assert.ok(readFileSync(into).equals(BUNDLE['model.tflite']));
  assert.equal(progress.at(-1), 100_000);
});

test('rejects at once with the reason of the signal, and continues afterwards', async (t) => {
  const { threaded, repo, server, signal } = await makeThreaded(t);
  unwrap(await threaded.trustRoot(repo.rootJson));
  server.answer('timestamp.json', () => {});
  const stop = new AbortController();
  const answer = threaded.refresh(stop.signal);
  await until('the server got the request', () => server.requests.includes('metadata/timestamp.json'));
  stop.abort(new Error('stopped'));
  await assert.rejects(answer, /^Error: stopped$/);
  await assert.rejects(threaded.refresh(stop.signal), /^Error: stopped$/);
  server.reset();
  unwrap(await threaded.refresh(signal));
});

test('ends a thread that does not answer, and starts another one', async (t) => {
  const { threaded, repo, server, clock, signal } = await makeThreaded(t);
  unwrap(await threaded.trustRoot(repo.rootJson));
  server.answer('timestamp.json', () => {});
  const answer = threaded.refresh(signal);
  await until('the server got the request', () => server.requests.includes('metadata/timestamp.json'));
  await clock.advance(3_600_000);
  const fault = faultOf(await answer);
  assert.equal(fault.code, 'update-failed');
  assert.equal(fault.message, 'update thread: no answer in time. The next attempt starts it again.');
  server.reset();
  unwrap(await threaded.refresh(signal));
});

test('ends an idle thread, and starts another one for the next call', async (t) => {
  const { threaded, repo, clock, signal } = await makeThreaded(t);
  unwrap(await threaded.trustRoot(repo.rootJson));
  assert.equal(clock.waiting, 1);
  await clock.advance(60_000);
  assert.equal(clock.waiting, 0);
  unwrap(await threaded.refresh(signal));
});

test('uses one thread, one root and one catalogue for copies of the repository in folders', async (t) => {
  const { threaded, repo, folder, signal } = await makeThreaded(t);
  unwrap(await threaded.trustRoot(repo.rootJson));
  const threads = readdirSync('/proc/self/task').length;
  for (let stick = 0; stick < 5; stick += 1) {
    const copy = join(folder, `stick ${stick}`);
    repo.writeTo(copy);
    const repository = threaded.at(pathToFileURL(copy));
    const catalogue = unwrap(await repository.refresh(signal));
    assert.deepEqual(unwrap(await threaded.stored()), catalogue);
    unwrap(await repository.download(modelOf(catalogue), join(folder, `model ${stick}`), signal));
  }
  const missing = threaded.at(pathToFileURL(join(folder, 'missing')));
  assert.equal(faultOf(await missing.refresh(signal)).code, 'update-not-found');
  assert.equal(readdirSync('/proc/self/task').length, threads);
});

test('answers pending calls when it is closed', async (t) => {
  const { threaded, repo, server, clock, signal } = await makeThreaded(t);
  unwrap(await threaded.trustRoot(repo.rootJson));
  server.answer('', () => {});
  const answer = threaded.refresh(signal);
  await until('the server got the request', () => server.requests.length > 0);
  await threaded.close();
  assert.match(faultOf(await answer).message, /the program stops/);
  assert.equal(clock.waiting, 0);
});
