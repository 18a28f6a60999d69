import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import {
  clearedMessage,
  faultMessageSchema,
  faultsByCode,
  raisedMessage,
} from '../../device/status/fault-message.js';
import { faultCodes } from '../../device/status/faults/faults.js';
import { machineReport } from '../../device/status/machine-report.js';
import { modeOf } from '../../device/status/mode.js';
import { stateMessage, stateMessageSchema } from '../../device/status/state-message.js';
import { statsMessage, statsMessageSchema } from '../../device/status/stats-message.js';
import { Status } from '../../device/status/status.js';
import { anEvent } from '../support/event.js';

const SINCE = '2026-01-01T00:00:01.000Z';
const decision = { compartment: 'paper', label: 'cardboard', confidence: 0.9, reason: 'confident' };

const makeStatus = () => {
  const status = new Status(new SimulatedClock(), () => {});
  status.phase('idle');
  return status;
};

describe('the mode of a bin', () => {
  const modeAfter = (change: (status: Status) => void) => {
    const status = makeStatus();
    change(status);
    return modeOf(status.snapshot());
  };

  it('follows the cycle, the lock and the faults that prevent sorting', () => {
    assert.equal(modeOf(new Status(new SimulatedClock(), () => {}).snapshot()), 'starting');
    assert.equal(
      modeAfter(() => {}),
      'ready',
    );
    for (const phase of ['homing', 'capturing', 'classifying', 'recording', 'moving', 'looking'])
      assert.equal(
        modeAfter((status) => status.phase(phase)),
        'busy',
        phase,
      );
    assert.equal(
      modeAfter((status) => status.locked(true)),
      'held',
    );
    assert.equal(
      modeAfter((status) => status.phase('stopped')),
      'stopped',
    );
  });

  it('is "fault" only because of a part without which no item is sorted', () => {
    const modeWith = (part: string, code: string) =>
      modeAfter((status) => status.setFault(part, { code, message: '' }));
    for (const part of ['lines', 'sensor', 'camera', 'vision', 'gate', 'journal', 'item'])
      assert.equal(modeWith(part, 'some-fault'), 'fault', part);
    for (const part of ['broker', 'updates', 'fill-paper', 'temperature', 'disk'])
      assert.equal(modeWith(part, 'some-fault'), 'ready', part);
    assert.equal(modeWith('journal', 'journal-set-aside'), 'ready');
  });
});

describe('the message "state"', () => {
  it('has fill, counters and faults by name, and fits its schema', () => {
    const status = makeStatus();
    status.event(anEvent({ seq: 7, outcome: 'sorted', decision }));
    status.fill({ compartment: 'paper', percent: 40, full: false, fault: null });
    status.fill({ compartment: 'glass', percent: null, full: false, fault: null });
    status.setFault('camera', { code: 'camera-failed', message: 'unplugged' });
    const message = stateMessage(status.snapshot());
    assert.deepEqual(stateMessageSchema.parse(message), message);
    assert.deepEqual(message.fill, {
      paper: { percent: 40, full: false },
      glass: { percent: null, full: false },
    });
    assert.deepEqual(message.counters.compartments, { paper: 1 });
    assert.deepEqual(message.faults, {
      'camera-failed': { since: SINCE, parts: { camera: { message: 'unplugged' } } },
    });
    assert.deepEqual([message.mode, message.lastItem?.label], ['fault', 'cardboard']);
  });

  it('does not change with the phases of an item', () => {
    const status = makeStatus();
    const messages = ['capturing', 'classifying', 'moving'].map((phase) => {
      status.phase(phase);
      return stateMessage(status.snapshot());
    });
    assert.deepEqual(messages[1], messages[0]);
    assert.deepEqual(messages[2], messages[0]);
  });
});

describe('the message of a fault', () => {
  it('has all parts with the code, and the time of the first one', () => {
    const faults = faultsByCode([
      { part: 'fill-paper', code: 'sensor-failed', message: 'a', since: '2026-01-01T00:00:02.000Z' },
      { part: 'fill-glass', code: 'sensor-failed', message: 'b', detail: 'echo', since: SINCE },
    ]);
    assert.deepEqual(faults, {
      'sensor-failed': {
        since: SINCE,
        parts: { 'fill-paper': { message: 'a' }, 'fill-glass': { message: 'b', detail: 'echo' } },
      },
    });
  });

  it('has meaning, cure and link of each known code, as plain text', () => {
    for (const code of faultCodes()) {
      const raised = raisedMessage(code, { since: SINCE, parts: {} });
      for (const message of [raised, clearedMessage(code, SINCE)]) {
        assert.deepEqual(faultMessageSchema.parse(message), message);
        assert.ok(message.meaning && message.cure, code);
        assert.doesNotMatch(`${message.meaning}${message.cure}`, /`/);
        assert.match(message.link, /^docs\/[a-z/-]+\.md/);
      }
    }
    assert.equal(clearedMessage('of-a-driver', SINCE).meaning, null);
  });
});

describe('the message "stats"', () => {
  it('fits its schema, and counts by label, compartment and reason', () => {
    const status = makeStatus();
    status.event(anEvent({ seq: 1, outcome: 'sorted', decision }));
    const message = statsMessage({
      state: status.snapshot(),
      uptimeMs: 61_900,
      rssBytes: 5e7,
      connections: 2,
      journal: {
        events: 9,
        pending: 5,
        undeliverable: 2,
        dropped: 1,
        unrecorded: 0,
        frames: 0,
        frameBytes: 0,
      },
      latency: { total: { p50: 800, p95: 900, items: 9 } },
      machine: machineReport(null, new SimulatedClock()),
    });
    assert.deepEqual(statsMessageSchema.parse(message), message);
    const { counts, outbox, uptimeS } = message;
    assert.deepEqual([uptimeS, outbox], [61, { waiting: 3, undeliverable: 2, dropped: 1 }]);
    const { labels, compartments, reasons } = counts;
    assert.deepEqual([labels, compartments, reasons], [{ cardboard: 1 }, { paper: 1 }, { confident: 1 }]);
  });
});
