import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { unwrap } from '../support/unwrap.js';
import { aBundle, addBundle, openStoreIn, slotsOf } from '../support/update/bundles.js';
import { MODES, recordWrites } from './guest/power-cuts.js';

/** Maximum number of cuts, and the seed that chooses them. */
const CUTS = Number(process.env.CUTS ?? 60);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

const TIMEOUT_MS = 900_000;
const [V1, V2] = [aBundle('1.1.0'), aBundle('1.2.0')];

describe(`a store of bundles whose power is cut (CUTS=${CUTS} SEED=${SEED})`, { timeout: TIMEOUT_MS }, () => {
  for (const mode of MODES)
    it(`has each slot and pointer that it reported, and only whole slots (mount ${mode})`, async (t) => {
      const recording = await recordWrites(t, mode, async ({ folder, mark }) => {
        const store = await openStoreIn(join(folder, 'models'));
        for (const bundle of [V1, V2]) {
          await addBundle(store, bundle);
          await mark(`slot=${bundle.version}`);
          const { current } = unwrap(await store.pointers());
          await mark(`current=${current?.version},${bundle.version}`);
          unwrap(await store.point({ current: bundle, previous: null }));
          await mark(`current=${bundle.version}`);
        }
        await mark('removing=1.1.0');
        unwrap(await store.remove(V1));
        await mark('removed=1.1.0');
      });
      const report = await recording.forEachCut({ count: CUTS, seed: SEED }, async ({ folder, marks }) => {
        const reported = Object.fromEntries(marks.map((mark) => mark.split('=')));
        const store = await openStoreIn(join(folder, 'models'));
        const slots = await slotsOf(store);
        for (const slot of unwrap(await store.slots())) unwrap(await store.verify(slot));
        const { current } = unwrap(await store.pointers());
        if (reported.current) assert.ok(reported.current.split(',').includes(`${current?.version}`));
        if (reported.slot && !reported.removing)
          assert.ok(slots.includes(`waste12@${reported.slot}`), `${slots}`);
        if (reported.removed) assert.deepEqual(slots, ['waste12@1.2.0']);
        for (const bundle of [V1, V2]) await addBundle(store, bundle);
        assert.deepEqual(await slotsOf(store), ['waste12@1.1.0', 'waste12@1.2.0']);
      });
      t.diagnostic(report);
    });
});
