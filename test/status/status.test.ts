import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BinEvent } from '../../device/cycle/event.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import { Status } from '../../device/status/status.js';
import { anEvent } from '../support/event.js';

const event = (
  seq: number,
  outcome: BinEvent['outcome'],
  compartment: string | null,
  count?: number,
): BinEvent =>
  anEvent({
    seq,
    outcome,
    ...(count === undefined ? {} : { count }),
    decision: compartment ? { compartment, label: 'paper', confidence: 0.9, reason: 'confident' } : null,
  });

describe('status', () => {
  it('keeps a fault with its first time until its part has recovered', async () => {
    const clock = new SimulatedClock();
    const status = new Status(clock, () => {});
    assert.ok(status.setFault('camera', { code: 'camera-timeout', message: 'no frame' }));
    const since = status.snapshot().faults[0]?.since;
    await clock.advance(5_000);
    assert.equal(status.setFault('camera', { code: 'camera-timeout', message: 'no frame' }), false);
    assert.equal(status.snapshot().faults[0]?.since, since);
    assert.ok(status.setFault('camera', null));
    assert.deepEqual(status.snapshot().faults, []);
  });

  it('replaces a fault by one with another code or detail, with a new time', async () => {
    const clock = new SimulatedClock();
    const status = new Status(clock, () => {});
    const gone = (line: string) => ({ code: 'line-gone', message: `"${line}": unplugged`, detail: line });
    assert.ok(status.setFault('lines', gone('gate-paper')));
    await clock.advance(5_000);
    assert.equal(status.setFault('lines', gone('lid')), true);
    const [fault, ...others] = status.snapshot().faults;
    const since = new Date(clock.wallMs()).toISOString();
    assert.deepEqual(fault, { part: 'lines', ...gone('lid'), since });
    assert.deepEqual(others, []);
    assert.ok(status.setFault('lines', { code: 'lines-down', message: 'sortbin-io exited' }));
    assert.deepEqual(
      status.snapshot().faults.map(({ code, detail }) => [code, detail]),
      [['lines-down', undefined]],
    );
    assert.ok(!('detail' in (status.snapshot().faults[0] ?? {})));
  });

  it('updates the message of a fault without announcing it again', async () => {
    const clock = new SimulatedClock();
    let changes = 0;
    const status = new Status(clock, () => changes++);
    const stale = (ms: number) => ({ code: 'camera-stale', message: `the frame is ${ms} ms older` });
    assert.ok(status.setFault('camera', stale(12)));
    const since = status.snapshot().faults[0]?.since;
    await clock.advance(5_000);
    assert.equal(status.setFault('camera', stale(90)), false);
    assert.equal(status.setFault('camera', stale(90)), false);
    assert.deepEqual(status.snapshot().faults, [{ part: 'camera', ...stale(90), since }]);
    assert.equal(changes, 2);
  });

  it('counts outcomes, triggers of bursts, and items of each compartment', () => {
    const status = new Status(new SimulatedClock(), () => {});
    status.event(event(1, 'sorted', 'paper'));
    status.event(event(2, 'ignored', null, 4));
    status.event(event(3, 'failed', null));
    const { counters, lastItem } = status.snapshot();
    assert.deepEqual(counters.outcomes, { sorted: 1, ignored: 4, failed: 1 });
    assert.deepEqual(counters.compartments, { paper: 1 });
    assert.equal(lastItem?.seq, 3);
  });

  it('continues the counters of earlier runs, and forgets those of an emptied compartment', () => {
    const since = '2026-01-01T00:00:00.000Z';
    const totals = { 'outcome/sorted': 7, 'compartment/paper': 5, 'compartment/glass': 2 };
    const status = new Status(new SimulatedClock(), () => {}, { since, totals });
    status.event(event(1, 'sorted', 'paper'));
    assert.equal(status.snapshot().counters.since, since);
    assert.deepEqual(status.snapshot().counters.outcomes, { sorted: 8 });
    const emptied = { ...event(2, 'emptied', null), compartment: 'paper' };
    status.event(emptied);
    status.event({ ...event(3, 'disputed', null) });
    const { counters, lastItem } = status.snapshot();
    assert.deepEqual(counters.compartments, { glass: 2 });
    assert.deepEqual(counters.outcomes, { sorted: 8 });
    assert.deepEqual(counters.emptied, { paper: new Date(emptied.at).toISOString() });
    assert.equal(lastItem?.seq, 1);
  });

  it('announces dropped events once for each new total', () => {
    let changes = 0;
    const status = new Status(new SimulatedClock(), () => changes++);
    status.dropped(0);
    assert.equal(changes, 0);
    status.dropped(7);
    status.dropped(7);
    assert.equal(changes, 1);
    assert.equal(status.snapshot().counters.dropped, 7);
  });

  it('announces undeliverable events once for each new number', () => {
    let changes = 0;
    const status = new Status(new SimulatedClock(), () => changes++);
    for (const count of [0, 2, 2, 0]) status.undeliverable(count);
    assert.equal(changes, 2);
    status.undeliverable(1);
    assert.equal(status.snapshot().counters.undeliverable, 1);
  });

  it('announces events that could not be recorded once for each new total', () => {
    let changes = 0;
    const status = new Status(new SimulatedClock(), () => changes++);
    status.unrecorded(0);
    status.unrecorded(188);
    status.unrecorded(188);
    assert.equal(changes, 1);
    assert.equal(status.snapshot().counters.unrecorded, 188);
  });

  it('announces each change once', () => {
    let changes = 0;
    const status = new Status(new SimulatedClock(), () => changes++);
    status.phase('idle');
    status.phase('idle');
    status.setFault('gate', null);
    assert.equal(changes, 1);
  });
});
