import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import type { BundleStore } from '../../../device/update/store/store.js';
import { temporaryFolder } from '../../support/journal/journal-folder.js';
import { type Ending, forEachKillPoint, Killed, KillPoints } from '../../support/kill-points.js';
import { unwrap } from '../../support/unwrap.js';
import { aBundle, addBundle, openStoreIn, slotsOf } from '../../support/update/bundles.js';

const [V1, V2] = [aBundle('1.1.0'), aBundle('1.2.0')];

/** Two updates, a step back, and the removal of the newer bundle. Each stage: the change, and what is true after it. */
const STAGES: readonly [change: (store: BundleStore) => Promise<unknown>, after: string][] = [
  [async () => {}, ' current - previous -'],
  [(store) => addBundle(store, V1), '1.1.0 current - previous -'],
  [
    async (store) => unwrap(await store.point({ current: V1, previous: null })),
    '1.1.0 current 1.1.0 previous -',
  ],
  [(store) => addBundle(store, V2), '1.1.0,1.2.0 current 1.1.0 previous -'],
  [
    async (store) => unwrap(await store.point({ current: V2, previous: V1 })),
    '1.1.0,1.2.0 current 1.2.0 previous 1.1.0',
  ],
  [
    async (store) => unwrap(await store.point({ current: V1, previous: null })),
    '1.1.0,1.2.0 current 1.1.0 previous -',
  ],
  [async (store) => unwrap(await store.remove(V2)), '1.1.0 current 1.1.0 previous -'],
  [async (store) => unwrap(await store.removeUnused()), '1.1.0 current 1.1.0 previous -'],
];

const useStore = async (store: BundleStore, onStage: () => void = () => {}): Promise<void> => {
  for (const [change] of STAGES) {
    await change(store);
    onStage();
  }
};

const show = async (store: BundleStore): Promise<string> => {
  const { current, previous } = unwrap(await store.pointers());
  const versions = (await slotsOf(store)).map((slot) => slot.split('@')[1]);
  return `${versions} current ${current?.version ?? '-'} previous ${previous?.version ?? '-'}`;
};

/** What has been confirmed is true. What was under way may be true, in part for two pointers. */
const checkStage = async (store: BundleStore, confirmed: number, context: string): Promise<void> => {
  const [before = '', after = ''] = [
    STAGES[confirmed - 1]?.[1],
    STAGES[Math.min(confirmed, STAGES.length - 1)]?.[1],
  ];
  const words = (await show(store)).split(' ');
  for (const [index, word] of words.entries()) {
    const allowed = [before, after].map((text) => text.split(' ')[index]);
    assert.ok(
      confirmed === 0 || allowed.includes(word),
      `${context}: ${words.join(' ')}, confirmed: ${before}`,
    );
  }
};

/** Each slot is complete, each pointer leads to one, and each download can continue. */
const checkStore = async (store: BundleStore, context: string): Promise<void> => {
  const part = dirname(store.partPath('0'));
  for (const name of readdirSync(part))
    assert.ok(statSync(join(part, name)).mode & 0o200, `${context}: a part file is read-only`);
  for (const slot of unwrap(await store.slots())) {
    const verified = await store.verify(slot);
    assert.ok(verified.ok, `${context}: ${verified.ok ? '' : verified.fault.message}`);
    for (const file of ['labels.txt', 'golden/inputs.bin'])
      assert.equal(statSync(join(slot.folder, file)).mode & 0o777, 0o444, context);
  }
  const { current, previous } = unwrap(await store.pointers());
  const slots = await slotsOf(store);
  for (const id of [current, previous]) assert.ok(!id || slots.includes(`${id.name}@${id.version}`), context);
};

describe('a store that is killed at each of its changes', () => {
  for (const ending of ['kill', 'power cut'] satisfies Ending[])
    it(`has only complete slots after a ${ending}, and a following update succeeds`, async (t) => {
      const folders = new Map<number, string>();
      let confirmed = 0;
      const count = await forEachKillPoint(
        ending,
        async (kills, killAfter) => {
          const folder = join(temporaryFolder(t), 'models');
          folders.set(killAfter, folder);
          confirmed = 0;
          const work = openStoreIn(folder, { files: kills }).then((store) =>
            useStore(store, () => {
              confirmed += 1;
            }),
          );
          await work.catch((thrown) => assert.ok(kills.isDead, `${thrown}`));
        },
        async (killAfter) => {
          const context = `${ending} after ${killAfter} changes`;
          const store = await openStoreIn(folders.get(killAfter) ?? '', { files: new KillPoints() });
          await checkStore(store, context);
          await checkStage(store, confirmed, context);
          await useStore(store);
          await checkStore(store, context);
          assert.deepEqual(await slotsOf(store), ['waste12@1.1.0'], context);
        },
      );
      assert.ok(count > 80, `only ${count} kill points`);
    });
});

describe('the harness', () => {
  it('takes back what was not synced, and nothing else', async (t) => {
    const folder = temporaryFolder(t);
    const kills = new KillPoints(4);
    await kills.makeFolder(join(folder, 'a'));
    await kills.sync(folder);
    await kills.symlink('target', join(folder, 'b'));
    await kills.rename(join(folder, 'b'), join(folder, 'c'));
    await assert.rejects(kills.sync(folder), Killed);
    await assert.rejects(kills.sync(folder), Killed);
    kills.cutPower();

    assert.deepEqual(readdirSync(folder), ['a']);
  });
});
