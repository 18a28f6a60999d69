import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { SqliteJournal } from '../../device/journal/sqlite-journal.js';
import { Store } from '../../device/journal/store.js';
import { SystemClock } from '../../device/kit/clock.js';
import { ThreadedRepository } from '../../device/update/repository/threaded-repository.js';
import { TufRepository } from '../../device/update/repository/tuf-repository.js';
import { journalOptions } from '../support/journal/journal-folder.js';
import { unwrap } from '../support/unwrap.js';
import { slotsOf, waste12 } from '../support/update/bundles.js';
import { type CutDisk, MODES, type RecordedDisk, recordWrites } from './guest/power-cuts.js';
import { openUpdates, RepositoryFolder } from './guest/updating-bin.js';

/** Maximum number of cuts, and the seed that chooses them. */
const CUTS = Number(process.env.CUTS ?? 60);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

const TIMEOUT_MS = 3_600_000;
const { signal } = new AbortController();

/** Installs two versions, each trusted, and goes back from the second one. The root changes between them. */
const live = async (
  t: TestContext,
  { folder, mark }: RecordedDisk,
  repository: RepositoryFolder,
): Promise<void> => {
  const dataDir = join(folder, 'data');
  const journal = new SqliteJournal({ ...journalOptions(dataDir), clock: new SystemClock() });
  const client = new ThreadedRepository(repository.clientOf(dataDir));
  try {
    await journal.open();
    unwrap(await client.trustRoot(repository.signed.rootJson));
    await mark('root=1');
    const run = await openUpdates(t, dataDir, client, journal);
    await run.begin();
    const install = async (version: string, from: string) => {
      await mark(`active=${from},${version}`);
      unwrap(await run.updater.install({ id: waste12(version) }, signal));
      await mark(`root=${repository.signed.signed.root.version}`);
      await mark(`targets=${repository.signed.signed.targets.version}`);
      assert.equal((await run.settled()).phase, 'watching');
      await mark(`active=${version}`);
      await run.items(5);
      await mark(`trusted=${version}`);
    };
    await install('1.1.0', '1.0.0');
    repository.signed.rotate('root', 'timestamp', 'targets');
    repository.publish('1.2.0');
    await install('1.2.0', '1.1.0');
    await mark('active=1.2.0,1.1.0');
    unwrap(await run.updater.rollback(signal));
    await mark('active=1.1.0');
    await mark('rejected=1.2.0');
    await run.updater.stop();
  } finally {
    await client.close();
    await journal.close();
  }
};

/** Starts the bin after a cut, checks what was reported before it, and installs the next version. Returns the active one. */
const startAfter = async (
  t: TestContext,
  { folder, marks }: CutDisk,
  repository: RepositoryFolder,
): Promise<string> => {
  const reported = Object.fromEntries(marks.map((mark) => mark.split('=')));
  const dataDir = join(folder, 'data');
  // Without a thread, because starting one takes seconds in the guest.
  const journal = Store.open(journalOptions(dataDir));
  try {
    assert.equal(journal.setAside, null);
    const client = new TufRepository(repository.clientOf(dataDir));
    const run = await openUpdates(t, dataDir, client, journal);
    const root = unwrap(await client.trustedRoot());
    if (reported.root) assert.ok(root && root.version >= Number(reported.root), `root ${root?.version}`);
    else unwrap(await client.trustRoot(repository.signed.rootJson));
    const targets = unwrap(await client.stored())?.targetsVersion ?? 0;
    assert.ok(targets >= Number(reported.targets ?? 0), `targets ${targets}`);

    await run.begin();
    const { current, isFactory, phase, rejected } = run.updater.status();
    const { active = '1.0.0', trusted } = reported;
    assert.ok(active.split(',').includes(current.version), `${current.version} is active, not ${active}`);
    assert.ok(phase === 'idle' || phase === 'watching', phase);
    if (active === trusted) assert.equal(phase, 'idle');
    if (reported.rejected)
      assert.deepEqual(
        rejected.map(({ version }) => version),
        [reported.rejected],
      );
    if (!isFactory) unwrap(await run.store.verify(current));
    assert.equal(run.running, run.store.folderOf(isFactory ? null : current));

    unwrap(await run.updater.install({}, signal));
    await run.settled();
    assert.equal(run.summary, 'watching 1.3.0, serves 1.3.0');
    unwrap(await run.store.verify(waste12('1.3.0')));
    assert.ok((await slotsOf(run.store)).length <= 4);
    await run.updater.stop();
    return current.version;
  } finally {
    journal.close();
  }
};

describe(`a bin whose power is cut during updates (CUTS=${CUTS} SEED=${SEED})`, {
  timeout: TIMEOUT_MS,
}, () => {
  for (const mode of MODES)
    it(`has a whole bundle active, and the next update succeeds (mount ${mode})`, async (t) => {
      const repository = new RepositoryFolder();
      repository.publish('1.1.0');
      const recording = await recordWrites(t, mode, (disk) => live(t, disk, repository));
      repository.publish('1.3.0', '1.2.0');
      const seen = new Set<string>();
      const report = await recording.forEachCut({ count: CUTS, seed: SEED }, async (disk) => {
        seen.add(await startAfter(t, disk, repository));
      });
      t.diagnostic(report);
      assert.deepEqual([...seen].sort(), ['1.0.0', '1.1.0', '1.2.0']);
    });
});
