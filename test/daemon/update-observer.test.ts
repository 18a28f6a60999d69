import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BinEvent } from '../../device/cycle/event.js';
import { UpdateObserver } from '../../device/daemon/update-observer.js';
import type { BundleId } from '../../device/update/bundle-id.js';
import type { UpdateStatus } from '../../device/update/status.js';
import { anEvent } from '../support/event.js';
import { FACTORY, waste12 } from '../support/update/bundles.js';
import { someStatus } from '../support/update/status.js';

/** An observer of a bin whose active model is 1.0.0. */
const observe = (status: UpdateStatus = someStatus()) => {
  const items: [string, boolean][] = [];
  const retained: [string, unknown][] = [];
  let change: (status: UpdateStatus) => void = () => assert.fail('there is no listener');
  const updater = {
    status: () => status,
    itemDone: ({ version }: BundleId, isFault: boolean) => void items.push([version, isFault]),
  };
  const updates = {
    updater,
    onStatus: (listener: (status: UpdateStatus) => void) => {
      change = listener;
    },
  };
  const model = { active: { bundle: { manifest: FACTORY } } };
  const publisher = { retain: (topic: string, payload: object) => void retained.push([topic, payload]) };
  const observer = new UpdateObserver(updates, model as never, publisher as never);
  return { observer, items, retained, change: (next: UpdateStatus) => change(next) };
};

const failedWith = (code: string): BinEvent =>
  anEvent({ outcome: 'failed', decision: null, fault: { code, message: code, detail: null } as never });

describe('an item that counts for the bundle under watch', () => {
  it('is a fault if the vision process failed', () => {
    const { observer, items } = observe();
    const codes = ['vision-died', 'vision-timeout', 'vision-down', 'vision-failed'];
    for (const code of codes) observer.event(failedWith(code));
    assert.deepEqual(
      items,
      codes.map(() => ['1.0.0', true]),
    );
  });

  it('is good if it was decided, whatever the decision was and however the gate moved', () => {
    const { observer, items } = observe();
    const model = waste12('1.1.0');
    const { decision } = anEvent();
    for (const outcome of ['sorted', 'refused', 'failed'] as const)
      observer.event(anEvent({ outcome, decision, model, fault: null }));
    observer.event(
      anEvent({ outcome: 'failed', model, fault: { code: 'gate-jammed', message: '' } as never }),
    );
    assert.deepEqual(items, Array(4).fill(['1.1.0', false]));
  });

  it('is none if something else failed before the model, or if it is no item', () => {
    const { observer, items } = observe();
    for (const code of ['camera-timeout', 'picture-dark', 'interrupted', 'stopped'])
      observer.event(failedWith(code));
    observer.event(anEvent({ outcome: 'ignored', decision: null }));
    observer.event(anEvent({ outcome: 'emptied', decision: null }));
    assert.deepEqual(items, []);
  });

  it('belongs to the model of the event, else to the active one', () => {
    const { observer, items } = observe();
    observer.event({ ...failedWith('vision-died'), model: waste12('1.1.0') });
    observer.event(failedWith('vision-died'));
    assert.deepEqual(items, [
      ['1.1.0', true],
      ['1.0.0', true],
    ]);
  });
});

describe('the retained topic of updates', () => {
  it('has the state at the start, and each change', () => {
    const { retained, change } = observe();
    const last = {
      event: 'activated',
      bundle: waste12('1.1.0'),
      code: null,
      reason: null,
      at: 'now',
    } as const;
    change(
      someStatus({
        ...{ phase: 'downloading', current: waste12('1.1.0'), isFactory: false, previous: waste12('1.0.5') },
        ...{ candidate: waste12('1.2.0'), progress: { bytes: 1, totalBytes: 4 }, isPinned: true, last },
      }),
    );
    const idle = { candidate: null, progress: null, available: null, pinned: false, last: null };
    assert.deepEqual(retained, [
      ['update', { schema: 1, phase: 'idle', installed: FACTORY, factory: true, previous: null, ...idle }],
      [
        'update',
        {
          ...{ schema: 1, phase: 'downloading', installed: waste12('1.1.0'), factory: false },
          ...{ previous: waste12('1.0.5'), candidate: waste12('1.2.0') },
          ...{ progress: { bytes: 1, totalBytes: 4 }, available: null, pinned: true, last },
        },
      ],
    ]);
  });
});
