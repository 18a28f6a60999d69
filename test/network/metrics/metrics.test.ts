import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServedModel } from '../../../device/cycle/observer.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { Metrics, type ReadBin } from '../../../device/network/metrics/metrics.js';
import { Status } from '../../../device/status/status.js';
import { somePolicy } from '../../support/cycle.js';
import { anEvent } from '../../support/event.js';
import { someStatus } from '../../support/update/status.js';
import { NEVER, withServer } from '../http/http-kit.js';

type Readings = Awaited<ReturnType<ReadBin>>;

const HOSTILE = 'a"b\\c\nd';

const served: ServedModel = {
  info: {
    model: { name: 'waste12', version: '1.3.0', sha256: '00' },
    runtime: { name: 'tflite', backend: 'xnnpack-2.9', threads: 2 },
    title: 'tflite',
    golden: null,
    skipped: [],
  },
  labels: [],
  policy: somePolicy(),
  purity: null,
};

/** Metrics of a bin whose state the test changes. `lines` are those that begin with a name. */
const makeBench = () => {
  const clock = new SimulatedClock();
  const status = new Status(clock, () => {});
  let changes: Partial<Readings> = {};
  const read: ReadBin = async () => ({
    state: status.snapshot(),
    liveness: { ok: true },
    broker: { connected: true },
    waiting: 0,
    machine: null,
    update: null,
    ...changes,
  });
  const metrics = new Metrics(read, { id: 'hall', name: HOSTILE });
  const text = async (): Promise<string> => {
    let answer = '';
    await withServer([metrics.route], async ({ url }) => {
      answer = await (await fetch(`${url}/metrics`)).text();
    });
    return answer;
  };
  const lines = async (name: string) =>
    (await text()).split('\n').filter((line) => line.startsWith(`sortbin_${name}`));
  const change = (next: Partial<Readings>) => {
    changes = next;
  };
  return { status, metrics, text, lines, change };
};

describe('/metrics', () => {
  it('has the active bundle, the phase and the last check of updates, if they are configured', async () => {
    const { lines, change } = makeBench();
    assert.deepEqual(await lines('update_phase{'), []);
    const current = { name: 'waste12', version: '1.4.0' };
    const update = { ...someStatus(), current, phase: 'watching' as const, checkedAtMs: null };
    change({ update });
    assert.deepEqual(await lines('update_bundle_info{'), [
      'sortbin_update_bundle_info{name="waste12",version="1.4.0"} 1',
    ]);
    assert.deepEqual(await lines('update_phase{'), ['sortbin_update_phase{phase="watching"} 1']);
    assert.deepEqual(await lines('update_last_check_timestamp_seconds'), []);
    change({ update: { ...update, checkedAtMs: 1_795_946_400_500 } });
    assert.deepEqual(await lines('update_last_check_timestamp_seconds'), [
      'sortbin_update_last_check_timestamp_seconds 1795946400.5',
    ]);
  });

  it('takes the counters from the status', async () => {
    const { status, lines } = makeBench();
    status.event(anEvent());
    status.event(anEvent({ outcome: 'ignored', count: 3, decision: null }));
    status.event(anEvent());
    status.dropped(7);
    status.unrecorded(2);
    status.undeliverable(1);
    assert.deepEqual(await lines('items_total'), [
      'sortbin_items_total{outcome="sorted"} 2',
      'sortbin_items_total{outcome="refused"} 0',
      'sortbin_items_total{outcome="ignored"} 3',
      'sortbin_items_total{outcome="failed"} 0',
      'sortbin_items_total{outcome="interrupted"} 0',
    ]);
    assert.deepEqual(await lines('items_by_label'), ['sortbin_items_by_label_total{label="paper"} 2']);
    assert.deepEqual(await lines('items_by_reason'), ['sortbin_items_by_reason_total{reason="confident"} 2']);
    assert.deepEqual(await lines('compartment_items'), ['sortbin_compartment_items{compartment="paper"} 2']);
    assert.deepEqual(await lines('events_'), [
      'sortbin_events_dropped_total 7',
      'sortbin_events_unrecorded_total 2',
    ]);
    assert.deepEqual(await lines('outbox_un'), ['sortbin_outbox_undeliverable_events 1']);
    assert.deepEqual(await lines('last_item'), ['sortbin_last_item_timestamp_seconds 1767225600']);
    status.event(anEvent({ outcome: 'emptied', compartment: 'paper', decision: null }));
    assert.deepEqual(await lines('compartment_items'), []);
    assert.deepEqual(await lines('items_total'), [
      'sortbin_items_total{outcome="sorted"} 2',
      'sortbin_items_total{outcome="refused"} 0',
      'sortbin_items_total{outcome="ignored"} 3',
      'sortbin_items_total{outcome="failed"} 0',
      'sortbin_items_total{outcome="interrupted"} 0',
    ]);
  });

  it('are collected once for requests that come at once', async () => {
    let reads = 0;
    const { status } = makeBench();
    const read: ReadBin = async () => {
      reads += 1;
      return {
        ...{ state: status.snapshot(), liveness: { ok: true }, broker: { connected: true } },
        ...{ waiting: 0, machine: null, update: null },
      };
    };
    const { route } = new Metrics(read, { id: 'hall', name: 'Hall' });
    const request = { query: new URLSearchParams(), headers: {}, body: Buffer.of(), signal: NEVER };
    const answers = await Promise.all([route.answer(request), route.answer(request)]);
    assert.equal(reads, 1);
    assert.deepEqual(answers[0], answers[1]);
    await route.answer(request);
    assert.equal(reads, 2);
  });

  it('shows faults, stalled parts and fill levels while they last', async () => {
    const { status, lines, change } = makeBench();
    status.setFault('camera', { code: 'camera-down', message: 'x' });
    status.fill({ compartment: 'paper', percent: 85, full: true, fault: null });
    status.fill({ compartment: 'glass', percent: null, full: false, fault: null });
    change({ liveness: { ok: false, stalled: [{ part: 'vision', sinceMs: 0, reason: 'x' }] } });
    assert.deepEqual(await lines('fault'), ['sortbin_fault_active{part="camera",code="camera-down"} 1']);
    assert.deepEqual(await lines('compartment_f'), [
      'sortbin_compartment_fill_ratio{compartment="paper"} 0.85',
      'sortbin_compartment_full{compartment="paper"} 1',
      'sortbin_compartment_full{compartment="glass"} 0',
    ]);
    assert.deepEqual(await lines('part'), ['sortbin_part_stalled{part="vision"} 1']);
    assert.deepEqual(await lines('healthy'), ['sortbin_healthy 0']);
    status.setFault('camera', null);
    change({});
    for (const name of ['fault', 'part']) assert.deepEqual(await lines(name), []);
    assert.deepEqual(await lines('healthy'), ['sortbin_healthy 1']);
  });

  it('has no sample for what is not known, rather than 0', async () => {
    const { lines, change } = makeBench();
    for (const machine of [
      null,
      { temperatureC: null, isUnderVoltage: null, isThrottled: null, memory: null, disk: null },
    ]) {
      change({ machine, waiting: null });
      for (const name of ['machine', 'outbox_events', 'model', 'runtime', 'last_item'])
        assert.deepEqual(await lines(name), [], name);
    }
    const memory = { freeBytes: 5, totalBytes: 10 };
    change({
      machine: { temperatureC: 0, isUnderVoltage: false, isThrottled: true, memory, disk: memory },
    });
    assert.deepEqual(await lines('machine'), [
      'sortbin_machine_temperature_celsius 0',
      'sortbin_machine_under_voltage 0',
      'sortbin_machine_throttled 1',
      'sortbin_machine_memory_available_bytes 5',
      'sortbin_machine_memory_size_bytes 10',
      'sortbin_machine_disk_free_bytes 5',
      'sortbin_machine_disk_size_bytes 10',
    ]);
    assert.deepEqual(await lines('outbox_events'), ['sortbin_outbox_events 0']);
  });

  it('names the model and the runtime that serve now', async () => {
    const { metrics, lines } = makeBench();
    metrics.served(served);
    assert.deepEqual(await lines('model'), ['sortbin_model_info{name="waste12",version="1.3.0"} 1']);
    const { info } = served;
    const skipped = [{ runtime: 'edgetpu', why: 'x', code: 'y' } as const];
    metrics.served({ ...served, info: { ...info, model: { ...info.model, version: '1.4.0' }, skipped } });
    assert.deepEqual(await lines('model'), ['sortbin_model_info{name="waste12",version="1.4.0"} 1']);
    assert.deepEqual(await lines('runtimes'), ['sortbin_runtimes_skipped 1']);
  });

  it('escapes the name of a bin, and counts the durations of steps in seconds', async () => {
    const { metrics, lines } = makeBench();
    assert.match((await lines('info'))[0] ?? '', /bin="hall",name="a\\"b\\\\c\\nd",version=/);
    metrics.event(anEvent({ timingsMs: { total: 500 } }));
    metrics.event(anEvent({ timingsMs: { total: 250, decode: 1 } }));
    const found = await lines('step_duration');
    assert.ok(found.includes('sortbin_step_duration_seconds_count{step="total"} 2'));
    assert.ok(found.includes('sortbin_step_duration_seconds_sum{step="total"} 0.75'));
    assert.ok(found.includes('sortbin_step_duration_seconds_bucket{le="0.25",step="total"} 1'));
  });
});
