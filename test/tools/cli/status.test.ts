import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { Status } from '../../../device/status/status.js';
import { localTime } from '../../../device/tools/cli/local-time.js';
import { sectionOf } from '../../../device/tools/cli/status.js';

const rowsOf = (...args: Parameters<typeof sectionOf>) =>
  sectionOf(...args).checks.map(({ name, status, text }) => `${status} ${name}: ${text}`);

const connected = { broker: { url: 'mqtt://broker:1883', connected: true }, waiting: 0, update: null };

describe('the state of a bin for people', () => {
  it('states that a new bin has no faults and no items', () => {
    const state = new Status(new SimulatedClock(), () => {}).snapshot();
    assert.deepEqual(rowsOf({ state, liveness: { ok: true }, ...connected }), [
      'ok cycle: new',
      'ok last item: none yet',
      'ok faults: none',
      'ok broker: mqtt://broker:1883, connected',
      'ok waiting: 0 events',
      'ok outcomes: none yet',
      'ok sorted into: none yet',
      `ok since: ${localTime('2026-01-01T00:00:01.000Z')}`,
    ]);
  });

  it('shows faults, parts without progress, fill levels and the lock', () => {
    const status = new Status(new SimulatedClock(), () => {});
    status.phase('idle');
    status.locked(true);
    status.setFault('camera', { code: 'camera-failed', message: 'camera: unplugged' });
    status.fill({ compartment: 'paper', percent: 95, full: true, fault: null });
    status.fill({ compartment: 'glass', percent: null, full: false, fault: null });
    const stalled = [{ part: 'vision', sinceMs: 5, reason: 'no success for 70000 ms' }];
    const broker = { url: 'mqtt://broker:1883', connected: false };
    const rows = rowsOf({
      state: status.snapshot(),
      liveness: { ok: false, stalled },
      broker,
      waiting: 12,
      update: null,
    });
    assert.deepEqual(rows.slice(0, 8), [
      'ok cycle: idle, the service switch locks the gate',
      'ok last item: none yet',
      `fail camera: camera-failed since ${localTime('2026-01-01T00:00:01.000Z')}. camera: unplugged`,
      'fail vision: no progress: no success for 70000 ms',
      'note broker: mqtt://broker:1883, not connected',
      'ok waiting: 12 events',
      'ok fill: paper: 95 %, full',
      'ok fill: glass: not measured yet',
    ]);
  });

  it('shows a last item that failed as a failure', () => {
    const lastItem = {
      ...{ id: 'i-1', seq: 7, at: '2026-01-01T00:00:05.000Z', outcome: 'failed', compartment: null },
      ...{ label: null, confidence: null, reason: 'camera-down' },
    };
    const state = { ...new Status(new SimulatedClock(), () => {}).snapshot(), lastItem };
    const rowOf = (item: typeof lastItem) =>
      rowsOf({ state: { ...state, lastItem: item }, liveness: { ok: true }, ...connected })[1];
    assert.equal(rowOf(lastItem), `fail last item: #7 failed, camera-down, ${localTime(lastItem.at)}`);
    assert.equal(
      rowOf({ ...lastItem, outcome: 'refused', reason: 'hazard' }),
      `ok last item: #7 refused, hazard, ${localTime(lastItem.at)}`,
    );
  });
});
