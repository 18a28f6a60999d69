import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StatePublisher } from '../../device/daemon/state-publisher.js';
import { SimulatedClock } from '../../device/kit/simulated-clock.js';
import type { StateMessage } from '../../device/status/state-message.js';
import { Status } from '../../device/status/status.js';
import { anEvent } from '../support/event.js';

const make = () => {
  const clock = new SimulatedClock();
  const sent: { readonly message: StateMessage; readonly atMs: number }[] = [];
  const retain = (topic: unknown, message: unknown) => {
    assert.equal(topic, 'state');
    sent.push({ message: message as StateMessage, atMs: clock.monotonicMs() });
  };
  const status: Status = new Status(clock, () => publisher.changed());
  const publisher = new StatePublisher(status, { retain }, clock);
  return { clock, sent, status, publisher };
};

describe('the publisher of the topic "state"', () => {
  it('sends the first state at once', () => {
    const { sent } = make();
    assert.deepEqual(
      sent.map(({ message }) => message.mode),
      ['starting'],
    );
  });

  it('sends two messages for an item, not one for each phase', async () => {
    const { clock, sent, status } = make();
    status.phase('idle');
    await clock.advance(5_000);
    sent.length = 0;
    for (const phase of ['capturing', 'classifying', 'recording', 'moving']) {
      status.phase(phase);
      await clock.advance(600);
    }
    status.event(anEvent({ seq: 7, outcome: 'sorted' }));
    await clock.advance(5);
    status.phase('idle');
    await clock.advance(10_000);
    assert.deepEqual(
      sent.map(({ message }) => [message.mode, message.lastItem?.seq]),
      [
        ['busy', undefined],
        ['ready', 7],
      ],
    );
  });

  it('sends at most one message a second, and always the last change', async () => {
    const { clock, sent, status } = make();
    for (let seq = 1; seq <= 100; seq++) {
      status.event(anEvent({ seq, outcome: 'sorted' }));
      await clock.advance(37);
    }
    await clock.advance(1_000);
    assert.equal(sent.at(-1)?.message.lastItem?.seq, 100);
    assert.ok(sent.length >= 4, `${sent.length}`);
    for (const [index, { atMs }] of sent.entries())
      assert.ok(index === 0 || atMs - (sent[index - 1]?.atMs ?? 0) >= 1_000, `message ${index}`);
  });

  it('sends nothing if nothing has changed in the end', async () => {
    const { clock, sent, status } = make();
    await clock.advance(5_000);
    status.setFault('camera', { code: 'camera-failed', message: '' });
    status.setFault('camera', null);
    await clock.advance(5_000);
    assert.equal(sent.length, 1);
  });

  it('sends a change that waits when it is flushed, and nothing later', async () => {
    const { clock, sent, status, publisher } = make();
    status.phase('stopped');
    publisher.flush();
    publisher.flush();
    assert.deepEqual(
      sent.map(({ message }) => message.mode),
      ['starting', 'stopped'],
    );
    await clock.advance(5_000);
    assert.equal(sent.length, 2);
  });
});
