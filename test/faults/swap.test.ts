import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseConfig } from '../../device/config/load.js';
import { makePolicy } from '../../device/cycle/policy.js';
import { SystemClock } from '../../device/kit/clock.js';
import { ModelSlot } from '../../device/perception/model/model.js';
import { ForkedVision } from '../../device/perception/vision/forked-vision.js';
import { makeBin, quiet } from '../support/bin.js';
import { quickBundle, relabelledBundle } from '../support/bundle-copy.js';
import { until } from '../support/until.js';
import { makeVisionOptions } from '../support/vision-options.js';

const PICTURES = ['paper/paper18.jpg', 'cardboard/cardboard391.jpg'].map((picture) => ({ picture }));

it('a swap under load loses no item, and no item is decided by a mix of two models', async (t) => {
  const clock = new SystemClock();
  const { signal } = new AbortController();
  // Each label is its own compartment, so the compartment of an item shows the policy that decided.
  const { policy } = parseConfig('policy: { preset: twelve-way }', 'test');
  const slot = new ModelSlot({
    folder: await quickBundle(t),
    makePolicy: ({ manifest: { labels } }) =>
      makePolicy({ ...policy, fallback: labels[0] ?? null, refuse: [] }, labels, {
        confidence: 0,
        margin: 0,
      }),
    makeVision: ({ folder }) => new ForkedVision({ ...makeVisionOptions(folder), clock, log: quiet }),
    log: quiet,
  });
  await slot.start(signal);
  t.after(() => slot.stop());
  const bin = makeBin({ clock, pictures: PICTURES, model: slot, limits: { stillThereLimit: 0 } });
  await bin.runner.start();
  t.after(() => bin.runner.stop());
  await until('the bin is idle', () => bin.runner.phase === 'idle');

  // The next item comes as soon as the bin is idle again.
  let fired = 0;
  let isFeeding = true;
  bin.watch({
    phase: (phase) => {
      if (phase !== 'idle' || !isFeeding) return;
      fired += 1;
      setImmediate(() => bin.trigger.fire());
    },
  });
  fired += 1;
  bin.trigger.fire();
  const versions = () => bin.journalled.map(({ event }) => event.model?.version);
  await until('items before the swap', () => versions().length >= 20);
  await slot.swap(await relabelledBundle(t), signal);
  await until('items after the swap', () => versions().filter((version) => version === '2.0.0').length >= 20);
  isFeeding = false;
  await until('the last item', () => bin.journalled.length === fired && bin.runner.phase === 'idle');

  for (const { event } of bin.journalled) {
    assert.equal(event.outcome, 'sorted', JSON.stringify(event.fault));
    const isOther = event.model?.version === '2.0.0';
    const names = [...Object.keys(event.scores), event.decision?.label, event.decision?.compartment];
    for (const name of names)
      assert.equal(name?.startsWith('b-'), isOther, `${name} of ${event.model?.version}`);
  }
  const firstOther = versions().indexOf('2.0.0');
  assert.deepEqual(
    versions().map((version) => version === '2.0.0'),
    versions().map((_, index) => index >= firstOther),
    'no item after the swap uses the old model',
  );
});
