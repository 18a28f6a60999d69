import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { State } from '../../device/update/state.js';
import { type Ending, forEachKillPoint, KillPoints } from '../support/kill-points.js';
import { unwrap } from '../support/unwrap.js';
import { aBundle, slotsOf } from '../support/update/bundles.js';
import { UpdateDisk, UpdaterRun } from '../support/update/updater.js';

const [V1, V2] = [aBundle('1.1.0'), aBundle('1.2.0')];
const VERSIONS = ['1.0.0', '1.1.0', '1.2.0'];
const { signal } = new AbortController();

/** Opens the program on a disk whose changes are counted, with the rows of the database and the downloads. */
const openOn = async (disk: UpdateDisk, kills: KillPoints): Promise<UpdaterRun> => {
  const save = (state: State) =>
    kills.step(async () => {
      disk.stored = JSON.parse(JSON.stringify(state));
    });
  const run = await UpdaterRun.open(disk, {
    polling: null,
    store: { files: kills },
    states: { load: () => disk.stored, save },
  });
  disk.repository.onDownload = () => kills.step(async () => {});
  await run.begin();
  return run;
};

/** Installs two versions, each trusted, and goes back from the second one. */
const live = async (disk: UpdateDisk, kills: KillPoints): Promise<void> => {
  const run = await openOn(disk, kills);
  for (const id of [V1, V2]) {
    unwrap(await run.updater.install({ id }, signal));
    await run.settled();
    await run.items(5);
    if (kills.isDead) return;
  }
  await run.updater.rollback(signal);
};

describe('a bin that is killed at each change of its disk during updates', () => {
  for (const ending of ['kill', 'power cut'] satisfies Ending[])
    it(`has a whole bundle active after a ${ending}, and the next update succeeds`, async (t) => {
      const disks = new Map<number, UpdateDisk>();
      const seen = new Set<string>();
      const count = await forEachKillPoint(
        ending,
        async (kills, killAfter) => {
          const disk = new UpdateDisk(t);
          disk.publish(V1, V2);
          disks.set(killAfter, disk);
          await live(disk, kills).catch((thrown) => assert.ok(kills.isDead, `${thrown}`));
        },
        async (killAfter) => {
          const context = `${ending} after ${killAfter} changes`;
          const disk = disks.get(killAfter);
          assert.ok(disk);
          const run = await openOn(disk, new KillPoints());
          const { current, isFactory, phase } = run.updater.status();
          seen.add(current.version);
          assert.ok(VERSIONS.includes(current.version), context);
          assert.ok(phase === 'idle' || phase === 'watching', `${context}: ${phase}`);
          if (!isFactory) assert.ok((await run.store.verify(current)).ok, `${context}: not whole`);
          assert.equal(run.running, run.store.folderOf(isFactory ? null : current), context);

          const next = aBundle('1.3.0');
          disk.publish(next);
          unwrap(await run.updater.install({}, signal));
          await run.settled();
          assert.equal(run.summary, 'watching 1.3.0, serves 1.3.0', context);
          assert.ok((await run.store.verify(next)).ok, context);
          assert.ok((await slotsOf(run.store)).length <= 4, context);
          await run.updater.stop();
        },
      );
      assert.ok(count > 100, `only ${count} kill points`);
      assert.deepEqual([...seen].sort(), VERSIONS);
    });
});
