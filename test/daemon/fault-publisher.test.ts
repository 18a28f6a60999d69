import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FaultPublisher } from '../../device/daemon/fault-publisher.js';
import { SimulatedJournal } from '../../device/journal/simulated-journal.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import type { FaultMessage } from '../../device/status/fault-message.js';
import type { RaisedFault } from '../../device/status/status.js';

const fault = (
  part: string,
  code: string,
  since = '2026-01-01T00:00:05.000Z',
  message = 'x',
): RaisedFault => ({
  ...{ part, code, message, since },
});

const open = async (journal: Parameters<typeof FaultPublisher.open>[0] = new SimulatedJournal()) => {
  const clock = new SimulatedClock();
  const sent: { readonly topic: unknown; readonly message: FaultMessage }[] = [];
  const retain = (topic: unknown, message: unknown) =>
    void sent.push({ topic, message: message as FaultMessage });
  const faults = await FaultPublisher.open(journal, { retain }, clock);
  const states = () => sent.map(({ topic, message }) => `${topic} ${message.state} ${message.since}`);
  return { clock, faults, sent, states };
};

describe('the publisher of faults', () => {
  it('publishes each fault once when it is raised, and once when it is cleared', async () => {
    const { clock, faults, states } = await open();
    faults.update([fault('camera', 'camera-failed')]);
    faults.update([fault('camera', 'camera-failed')]);
    await clock.advance(9_000);
    faults.update([]);
    faults.update([]);
    assert.deepEqual(states(), [
      'fault/camera-failed raised 2026-01-01T00:00:05.000Z',
      'fault/camera-failed cleared 2026-01-01T00:00:10.000Z',
    ]);
  });

  it('keeps a fault raised until no part has it', async () => {
    const { faults, sent } = await open();
    const [paper, glass] = [fault('fill-paper', 'sensor-failed'), fault('fill-glass', 'sensor-failed')];
    faults.update([paper, glass]);
    faults.update([glass]);
    faults.update([]);
    assert.deepEqual(
      sent.map(({ message }) => [message.state, Object.keys(message.parts)]),
      [
        ['raised', ['fill-paper', 'fill-glass']],
        ['raised', ['fill-glass']],
        ['cleared', []],
      ],
    );
  });

  it('clears the faults of an earlier run, also if that was killed', async () => {
    const journal = new SimulatedJournal();
    const first = await open(journal);
    first.faults.update([fault('camera', 'camera-failed'), fault('gate', 'gate-failed')]);
    await first.clock.advance(9_000);
    first.faults.update([fault('camera', 'camera-failed')]);
    await first.clock.advance(0);

    const second = await open(journal);
    assert.deepEqual(second.states(), [
      'fault/camera-failed cleared 2026-01-01T00:00:01.000Z',
      'fault/gate-failed cleared 2026-01-01T00:00:10.000Z',
    ]);
    second.faults.update([fault('camera', 'camera-failed')]);
    assert.equal(second.states()[2], 'fault/camera-failed raised 2026-01-01T00:00:05.000Z');
  });

  it('stores the state of a fault, not each change of its message', async () => {
    const journal = new SimulatedJournal();
    let saves = 0;
    const counting = {
      loadState: (name: string) => journal.loadState(name),
      saveState: async () => void saves++,
    };
    const { clock, faults, sent } = await open(counting);
    for (const message of ['a', 'b', 'c']) {
      faults.update([fault('camera', 'camera-stale', undefined, message)]);
      await clock.advance(10);
    }
    assert.deepEqual([sent.length, saves], [3, 1]);
  });

  it('publishes although the stored state is damaged and the disk is full', async () => {
    const broken = {
      loadState: async () => ({ faults: { 'bad/code': 5 } }),
      saveState: () => Promise.reject(new Error('full')),
    };
    const { clock, faults, states } = await open(broken);
    faults.update([fault('camera', 'camera-failed'), fault('x', 'not/a level')]);
    await clock.advance(0);
    faults.update([]);
    assert.deepEqual(
      states().map((text) => text.split(' ').slice(0, 2).join(' ')),
      ['fault/camera-failed raised', 'fault/camera-failed cleared'],
    );
  });
});
