import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { healthRoute } from '../../../device/network/http/health-route.js';
import { Liveness } from '../../../device/status/liveness.js';
import { Status } from '../../../device/status/status.js';
import { withServer } from './http-kit.js';

it('/healthz is 503 until the bin sorts, while a part is stalled and after the stop, and 200 with a fault', async () => {
  const clock = new SimulatedClock();
  const status = new Status(clock, () => {});
  const partMs = { camera: 100, journal: 100, vision: 100 };
  const liveness = new Liveness({ eventLoopMs: 10_000, partMs }, clock);
  await withServer([healthRoute({ status, liveness })], async ({ url }) => {
    const ask = async () => {
      const answer = await fetch(`${url}/healthz`);
      assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
      return { code: answer.status, ...((await answer.json()) as object) };
    };
    const fine = { code: 200, schema: 1, status: 'ok', cycle: 'idle', stalled: [], faults: [] };
    assert.deepEqual(await ask(), { ...fine, code: 503, status: 'starting', cycle: 'new' });
    status.phase('idle');
    assert.deepEqual(await ask(), fine);
    status.setFault('gate', { code: 'gate-failed', message: 'not for everybody' });
    const fault = { part: 'gate', code: 'gate-failed', since: new Date(clock.wallMs()).toISOString() };
    assert.deepEqual(await ask(), { ...fine, faults: [fault] });
    const end = liveness.begin('camera');
    await clock.advance(101);
    const stalled = [{ part: 'camera', reason: 'an attempt has not ended for 101 ms, limit 100 ms' }];
    assert.deepEqual(await ask(), { ...fine, code: 503, status: 'stalled', stalled, faults: [fault] });
    end(true);
    assert.equal((await ask()).code, 200);
    status.phase('stopped');
    assert.deepEqual(await ask(), {
      ...fine,
      code: 503,
      status: 'stopped',
      cycle: 'stopped',
      faults: [fault],
    });
  });
});
