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

  /** A journal after a run that ended with the fault of a camera, and had one of a gate before. */
  const afterRun = async () => {
    const journal = new SimulatedJournal();
    const { faults, clock } = await open(journal);
    faults.update([fault('camera', 'camera-failed'), fault('gate', 'gate-failed')]);
    await clock.advance(9_000);
    faults.update([fault('camera', 'camera-failed')]);
    await clock.advance(0);
    return journal;
  };
  const RAISED = 'fault/camera-failed raised 2026-01-01T00:00:05.000Z';
  const GATE = 'fault/gate-failed cleared 2026-01-01T00:00:10.000Z';

  it('keeps a fault of the last run raised while the bin starts, and clears it then', async () => {
    const { faults, states, sent, clock } = await open(await afterRun());
    assert.deepEqual(states(), [RAISED, GATE]);
    assert.deepEqual(sent[0]?.message.parts, { camera: { message: 'x' } });
    faults.update([], { isStarting: true });
    assert.equal(states().length, 2);
    await clock.advance(1_000);
    faults.update([]);
    assert.deepEqual(states().slice(2), ['fault/camera-failed cleared 2026-01-01T00:00:02.000Z']);
  });

  it('leaves a fault that persists over a restart as it was, with its time', async () => {
    const { faults, states } = await open(await afterRun());
    const again = fault('camera', 'camera-failed', '2026-01-01T00:07:00.000Z');
    faults.update([again], { isStarting: true });
    faults.update([again]);
    assert.deepEqual(states(), [RAISED, GATE]);
    faults.update([{ ...again, message: 'other' }]);
    assert.deepEqual(states().slice(2), [RAISED]);
  });

  it('clears a fault of the start that ends while the bin starts, and raises it again with its new time', async () => {
    const { faults, states } = await open(await afterRun());
    faults.update([fault('camera', 'camera-failed')], { isStarting: true });
    faults.update([], { isStarting: true });
    faults.update([fault('camera', 'camera-failed', '2026-01-01T00:07:00.000Z')]);
    assert.deepEqual(states().slice(2), [
      'fault/camera-failed cleared 2026-01-01T00:00:01.000Z',
      'fault/camera-failed raised 2026-01-01T00:07:00.000Z',
    ]);
  });

  it('remembers a fault over several starts that did not end, and reads the state of an older version', async () => {
    const journal = await afterRun();
    for (let starts = 0; starts < 2; starts += 1) {
      const { faults, clock } = await open(journal);
      faults.update([], { isStarting: true });
      await clock.advance(0);
    }
    assert.deepEqual((await open(journal)).states(), [RAISED, GATE]);
    const since = '2026-01-01T00:00:05.000Z';
    await journal.saveState('published-faults', { faults: { 'camera-failed': { state: 'raised', since } } });
    assert.deepEqual((await open(journal)).states(), [RAISED]);
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
