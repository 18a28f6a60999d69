import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatusAnswer } from '../../../device/daemon/status-answer.js';
import { withoutMarks } from '../../../device/kit/markdown.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { faultsByCode, raisedMessage } from '../../../device/status/fault-message.js';
import { explainFault } from '../../../device/status/faults/faults.js';
import { type MachineReport, machineReport } from '../../../device/status/machine-report.js';
import { modeOf } from '../../../device/status/mode.js';
import { Status } from '../../../device/status/status.js';
import { localTime } from '../../../device/tools/cli/local-time.js';
import { sectionOf } from '../../../device/tools/cli/status.js';
import { renderSection } from '../../../device/tools/doctor/render.js';

type Answer = Omit<StatusAnswer, 'mode' | 'faults' | 'machine'> & Partial<Pick<StatusAnswer, 'machine'>>;

const NO_READINGS = machineReport(null, { synchronised: () => false });
const answerOf = (answer: Answer): StatusAnswer => ({
  machine: NO_READINGS,
  ...answer,
  mode: modeOf(answer.state),
  faults: Object.entries(faultsByCode(answer.state.faults)).map(([code, fault]) =>
    raisedMessage(code, fault),
  ),
});
const rowsOf = (answer: Answer) =>
  sectionOf(answerOf(answer)).checks.map(({ name, status, text }) => `${status} ${name}: ${text}`);

const connected = { broker: { url: 'mqtt://broker:1883', connected: true }, waiting: 0, update: null };

describe('the state of a bin for people', () => {
  it('states that a new bin has no faults and no items', () => {
    const state = new Status(new SimulatedClock(), () => {}).snapshot();
    assert.deepEqual(rowsOf({ state, liveness: { ok: true }, ...connected }), [
      'ok mode: starting',
      'ok cycle: new',
      'ok last item: none yet',
      'ok faults: none',
      'ok broker: mqtt://broker:1883, connected',
      'ok waiting: 0 events',
      'ok clock: not synchronised',
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
    const { meaning, cure } = explainFault('camera-failed') ?? assert.fail();
    assert.deepEqual(rows.slice(0, 10), [
      'ok mode: held, the service switch locks the gate',
      'ok cycle: idle',
      'ok last item: none yet',
      `fail camera: camera-failed since ${localTime('2026-01-01T00:00:01.000Z')}. camera: unplugged\n` +
        `Meaning: ${meaning}\nWhat to do: ${withoutMarks(cure)}\nMore: docs/troubleshooting.md#fault-codes`,
      'fail vision: no progress: no success for 70000 ms',
      'note broker: mqtt://broker:1883, not connected',
      'ok waiting: 12 events',
      'ok clock: not synchronised',
      'ok fill: paper: 95 %, full',
      'ok fill: glass: not measured yet',
    ]);
  });

  it('tells a hold from the service switch', () => {
    const status = new Status(new SimulatedClock(), () => {});
    const mode = () => rowsOf({ state: status.snapshot(), liveness: { ok: true }, ...connected })[0];
    status.phase('moving');
    status.held(true);
    assert.equal(mode(), 'ok mode: busy, held after this item');
    status.phase('held');
    status.locked(true);
    assert.equal(mode(), 'ok mode: held, a person holds the bin: sortbin resume');
    status.held(false);
    assert.equal(mode(), 'ok mode: held, the service switch locks the gate');
  });

  it('shows a last item that failed as a failure', () => {
    const lastItem = {
      ...{ id: 'i-1', seq: 7, at: '2026-01-01T00:00:05.000Z', outcome: 'failed', compartment: null },
      ...{ label: null, confidence: null, reason: 'camera-down' },
    };
    const state = { ...new Status(new SimulatedClock(), () => {}).snapshot(), lastItem };
    const rowOf = (item: typeof lastItem) =>
      rowsOf({ state: { ...state, lastItem: item }, liveness: { ok: true }, ...connected })[2];
    assert.equal(rowOf(lastItem), `fail last item: #7 failed, camera-down, ${localTime(lastItem.at)}`);
    assert.equal(
      rowOf({ ...lastItem, outcome: 'refused', reason: 'hazard' }),
      `ok last item: #7 refused, hazard, ${localTime(lastItem.at)}`,
    );
  });

  it('shows the sensors that the machine has', () => {
    const state = new Status(new SimulatedClock(), () => {}).snapshot();
    const machine: MachineReport = {
      ...NO_READINGS,
      ...{ temperatureC: 52.34, isThrottled: true, isUnderVoltage: false },
      memory: { freeBytes: 64e6, totalBytes: 1e9 },
      disk: { freeBytes: 2e9, totalBytes: 32e9 },
      clock: 'synchronised',
    };
    assert.deepEqual(rowsOf({ state, liveness: { ok: true }, ...connected, machine }).slice(6, 12), [
      'ok temperature: 52.3 °C',
      'ok processor: throttled',
      'ok voltage: sufficient',
      'ok memory: 64.0 MB of 1.0 GB free',
      'ok disk: 2.0 GB of 32.0 GB free',
      'ok clock: synchronised',
    ]);
  });

  it('has exit code 1 only if a fault is in force or a part makes no progress', () => {
    const status = new Status(new SimulatedClock(), () => {});
    const codeOf = (liveness: StatusAnswer['liveness'] = { ok: true }) =>
      sectionOf(answerOf({ state: status.snapshot(), liveness, ...connected })).exitCode;
    assert.equal(codeOf(), 0);
    const stalled = [{ part: 'journal', sinceMs: 5, reason: 'no success for 70000 ms' }];
    assert.equal(codeOf({ ok: false, stalled }), 1);
    status.setFault('fill-paper', { code: 'sensor-failed', message: 'no echo' });
    assert.equal(codeOf(), 1);
    status.setFault('fill-paper', null);
    assert.equal(codeOf(), 0);
  });

  it('fits in 80 columns, without colours if the style has none', () => {
    const status = new Status(new SimulatedClock(), () => {});
    status.setFault('camera', { code: 'camera-failed', message: `camera: ${'unplugged '.repeat(12)}` });
    const answer = answerOf({ state: status.snapshot(), liveness: { ok: true }, ...connected });
    const text = renderSection(sectionOf(answer), { colour: false, columns: 80 });
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
    assert.ok(!text.includes('\u001b'));
    assert.match(text, /\n {17}What to do: /);
  });
});
