import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { unwrap } from '../../support/unwrap.js';
import { DAY_MS, makeKey, START_MS } from '../../support/update/test-repository.js';
import { bundlesOf, faultOf, makeUpdateClient } from '../../support/update/update-client.js';

const clockOf = (epochMs: number) => new SimulatedClock(0, epochMs);
const iso = (ms: number) => new Date(ms).toISOString();

test('works with a clock of 1970', async (t) => {
  const { client, signal } = await makeUpdateClient(t, { clock: clockOf(0) });
  assert.deepEqual(bundlesOf(unwrap(await client.refresh(signal))), ['waste12@1.4.0']);
});

test('takes the build date of the program as the earliest time', async (t) => {
  const builtAtMs = START_MS + 400 * DAY_MS;
  const { client, signal } = await makeUpdateClient(t, { clock: clockOf(0), builtAtMs });
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-expired');
  assert.match(fault.message, /is expired at 2027-02-05T00:00:00\.000Z/);
});

test('answers with a clock of 2099 that the metadata has expired, and works again with the right time', async (t) => {
  const { client, repo, signal, restart } = await makeUpdateClient(t);
  unwrap(await client.refresh(signal));
  const wrong = restart({ clock: clockOf(Date.UTC(2099, 0, 1)) });
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const fault = faultOf(await wrong.refresh(signal));
    assert.equal(fault.code, 'update-metadata-expired');
    assert.match(
      fault.message,
      /root\.json is expired at 2099-01-01T00:00:00\.000Z\. Check the clock of the bin\./,
    );
  }
  assert.deepEqual(bundlesOf(unwrap(await wrong.stored())), ['waste12@1.4.0']);
  repo.publish();
  assert.equal(unwrap(await restart().refresh(signal)).targetsVersion, 3);
});

test('a first refresh with a clock of 2099 does not lock the bin out', async (t) => {
  const { restart, signal } = await makeUpdateClient(t);
  const wrong = restart({ clock: clockOf(Date.UTC(2099, 0, 1)) });
  assert.equal(faultOf(await wrong.refresh(signal)).code, 'update-metadata-expired');
  assert.equal(unwrap(await wrong.stored()), null);
  unwrap(await restart().refresh(signal));
});

test('remembers when the last timestamp was signed, so that a clock of 1970 accepts no older metadata', async (t) => {
  const { client, repo, signal, restart } = await makeUpdateClient(t);
  const laterMs = START_MS + 100 * DAY_MS;
  repo.advance(100 * DAY_MS);
  repo.signed.timestamp['x-signed-at'] = iso(laterMs);
  repo.publish();
  assert.equal(unwrap(await client.refresh(signal)).signedAtMs, laterMs);

  const afterOutage = restart({ clock: clockOf(0) });
  unwrap(await afterOutage.refresh(signal));
  repo.signed.timestamp.expires = iso(laterMs - DAY_MS);
  repo.signed.timestamp.version += 1;
  delete repo.signed.timestamp['x-signed-at'];
  repo.write('timestamp');
  const fault = faultOf(await afterOutage.refresh(signal));
  assert.equal(fault.code, 'update-metadata-expired');
  assert.match(fault.message, /timestamp\.json is expired at 2026-04-11T00:00:00\.000Z/);
});

test('a new timestamp counts as soon as it is verified', async (t) => {
  const { repo, restart, signal } = await makeUpdateClient(t);
  repo.signed.timestamp['x-signed-at'] = iso(START_MS + 40 * DAY_MS);
  repo.signed.timestamp.version += 1;
  repo.signed.timestamp.expires = iso(START_MS + 50 * DAY_MS);
  repo.write('timestamp');
  const fault = faultOf(await restart({ clock: clockOf(0) }).refresh(signal));
  assert.equal(fault.code, 'update-metadata-expired');
  assert.match(fault.message, /snapshot\.json is expired at 2026-02-10/);
});

test('ignores the time of signing in a timestamp that was not verified', async (t) => {
  const { client, repo, signal } = await makeUpdateClient(t);
  unwrap(await client.refresh(signal));
  repo.signed.timestamp['x-signed-at'] = '2098-12-31T00:00:00Z';
  repo.signed.timestamp.version += 1;
  repo.write('timestamp', [makeKey()]);
  assert.equal(faultOf(await client.refresh(signal)).code, 'update-metadata-invalid');
  delete repo.signed.timestamp['x-signed-at'];
  repo.publish();
  unwrap(await client.refresh(signal));
});

test('recovers from a stolen key that signed a time in the future, once the key is rotated', async (t) => {
  const { client, repo, signal } = await makeUpdateClient(t);
  repo.signed.timestamp['x-signed-at'] = '2098-12-31T00:00:00Z';
  repo.publish();
  assert.equal(faultOf(await client.refresh(signal)).code, 'update-metadata-expired');
  repo.signed.timestamp['x-signed-at'] = iso(START_MS);
  repo.publish();
  assert.equal(faultOf(await client.refresh(signal)).code, 'update-metadata-expired');
  repo.rotate('timestamp');
  repo.publish();
  assert.equal(unwrap(await client.refresh(signal)).signedAtMs, START_MS);
});

test('tells a signature in the future from an expiry, if the clock of the bin is plausible', async (t) => {
  const { client, repo, signal, restart } = await makeUpdateClient(t);
  const signAt = (ms: number) => {
    repo.signed.timestamp['x-signed-at'] = iso(ms);
    repo.publish();
  };
  repo.advance(60 * DAY_MS);
  signAt(START_MS + 60 * DAY_MS);
  unwrap(await client.refresh(signal));
  repo.advance(-60 * DAY_MS);
  signAt(START_MS);
  const fault = faultOf(await client.refresh(signal));
  assert.equal(fault.code, 'update-metadata-expired');
  assert.match(
    fault.message,
    /timestamp\.json is expired, because the last signature is in the future \(2026-03-02T.*\): the clock of the signing machine was wrong\./,
  );
  const withoutClock = faultOf(await restart({ clock: clockOf(0) }).refresh(signal));
  assert.match(withoutClock.message, /timestamp\.json is expired at 2026-03-02T.*Check the clock of the bin/);
  repo.rotate('timestamp');
  repo.publish();
  unwrap(await client.refresh(signal));
});

test('a repository without the time of signing works', async (t) => {
  const { client, repo, signal } = await makeUpdateClient(t);
  assert.equal(unwrap(await client.refresh(signal)).signedAtMs, null);
  repo.signed.timestamp['x-signed-at'] = 'yesterday';
  repo.publish();
  assert.equal(unwrap(await client.refresh(signal)).signedAtMs, null);
});
