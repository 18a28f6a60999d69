import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { untilAborted } from '../../device/kit/deadline.js';
import { done, failed, SortbinError } from '../../device/kit/errors.js';
import type { BundleId } from '../../device/update/bundle-id.js';
import type { State } from '../../device/update/state.js';
import { until } from '../support/until.js';
import { unwrap } from '../support/unwrap.js';
import { aBundle, FACTORY, slotsOf, waste12 } from '../support/update/bundles.js';
import { HOUR_MS, UpdateDisk, UpdaterRun } from '../support/update/updater.js';

const [V1, V2, V3] = [aBundle('1.1.0'), aBundle('1.2.0'), aBundle('1.3.0')];
const signal = new AbortController().signal;
const HARMFUL = { reason: 'harmful', at: '2026-01-01T00:00:00Z' };
const codeOf = (answer: { ok: boolean; fault?: { code: string } }) => answer.fault?.code ?? null;
const bytesOf = (bundle: typeof V1) => bundle.files.reduce((sum, { bytes }) => sum + bytes, 0);

describe('an update by polling', () => {
  it('brings a new version, which is watched and then trusted', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk);
    assert.equal(run.summary, 'idle 1.0.0, serves 1.0.0');
    await run.poll();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
    assert.equal(await run.pointers(), '1.1.0 -');
    assert.deepEqual(run.checked, ['1.1.0']);
    await run.items(5);
    assert.equal(run.summary, 'idle 1.1.0, serves 1.1.0');
    assert.deepEqual(
      run.reports.map(({ event }) => event),
      ['installed', 'activated', 'trusted'],
    );
  });

  it('reports each phase, and the progress of the download', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk);
    await run.poll();
    const phases = run.statuses.map(({ phase }) => phase);
    assert.deepEqual([...new Set(phases)], ['idle', 'downloading', 'checking', 'activating', 'watching']);
    const whole = run.statuses.find(({ progress }) => progress?.bytes === progress?.totalBytes && progress);
    assert.deepEqual(whole?.progress, { bytes: bytesOf(V1), totalBytes: bytesOf(V1) });
    assert.deepEqual(whole?.candidate, waste12('1.1.0'));
    assert.equal(run.updater.status().progress, null);
  });

  it('reports the progress of a download that stalls soon after its start', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    disk.repository.stallAfterBytes = 10;
    const run = await UpdaterRun.start(t, disk);
    await run.pass('the download has begun', () => run.updater.status().phase === 'downloading');
    await until('some bytes arrived', () => run.updater.status().progress?.bytes === 10);
    await run.clock.advance(1_000);
    assert.equal(run.statuses.at(-1)?.progress?.bytes, 10);
  });

  it('downloads manifest.json and labels.txt first, and no file that is stored', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk);
    await run.poll();
    disk.publish(V2);
    disk.repository.downloaded = [];
    await run.poll();
    assert.deepEqual(disk.repository.downloaded, ['manifest.json', 'labels.txt', 'model.tflite']);
    assert.equal(run.summary, 'watching 1.2.0, serves 1.2.0');
  });

  it('continues a download that the network ended, before the next poll', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    disk.repository.cutAfterBytes = 300;
    const run = await UpdaterRun.start(t, disk);
    await run.poll();
    assert.deepEqual(
      [run.summary, run.updater.status().last?.code],
      ['idle 1.0.0, serves 1.0.0', 'update-unreachable'],
    );
    for (let attempt = 0; attempt < 8 && run.updater.status().isFactory; attempt += 1) await run.poll();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
    assert.equal(disk.repository.downloadedBytes, bytesOf(V1), 'no byte was downloaded twice');
    assert.ok(run.clock.monotonicMs() < 3 * 6 * HOUR_MS);
  });

  it('does not ask a server more often than every few minutes, whatever it answers', async (t) => {
    for (const fault of ['update-unreachable', 'update-not-found', 'update-metadata-invalid'] as const) {
      const disk = new UpdateDisk(t);
      disk.repository.fault = fault;
      const run = await UpdaterRun.start(t, disk);
      await run.clock.advance(10 * 24 * HOUR_MS);
      await until('a day has passed', () => disk.repository.refreshes > 10);
      const most = fault === 'update-unreachable' ? 60 : 42;
      assert.ok(disk.repository.refreshes <= most, `${fault}: ${disk.repository.refreshes} refreshes`);
      assert.deepEqual(run.faults, [fault]);
    }
  });

  it('raises a fault while the repository cannot be used, and clears it', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    disk.repository.fault = 'update-metadata-expired';
    const run = await UpdaterRun.start(t, disk);
    await run.poll();
    assert.deepEqual([run.faults, run.summary], [['update-metadata-expired'], 'idle 1.0.0, serves 1.0.0']);
    disk.repository.fault = null;
    await run.poll();
    assert.deepEqual(
      [run.faults, run.summary],
      [['update-metadata-expired', null], 'watching 1.1.0, serves 1.1.0'],
    );
  });

  it('happens only within the allowed hours, which may pass midnight', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.open(disk, { hours: { from: '22:00', to: '06:00' } });
    t.after(() => run.updater.stop());
    const startMs = new Date(2026, 0, 1, 7).getTime() - run.clock.wallMs();
    await run.clock.advance(startMs);
    await run.begin();
    for (let hour = 0; hour < 14; hour += 1) await run.clock.advance(HOUR_MS);
    assert.ok(disk.repository.refreshes > 0, 'the metadata is refreshed, for its revocations');
    assert.deepEqual([run.summary, disk.repository.downloaded], ['idle 1.0.0, serves 1.0.0', []]);
    const before = disk.repository.refreshes;
    await run.clock.advance(2 * HOUR_MS);
    await until('a poll has begun', () => disk.repository.refreshes > before);
    await run.settled();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
  });

  it('shows a version as available that is published and not installed yet', async (t) => {
    const disk = new UpdateDisk(t);
    const run = await UpdaterRun.start(t, disk);
    const shown = () => run.statuses.at(-1)?.available ?? null;
    unwrap(await run.updater.pin());
    await run.poll();
    assert.equal(shown(), null);
    disk.publish(V1);
    await run.poll();
    assert.equal(run.summary, 'idle 1.0.0, serves 1.0.0');
    assert.deepEqual(shown(), { name: V1.name, version: '1.1.0' });
    disk.repository.isHalted = true;
    await run.poll();
    assert.equal(shown(), null);
    disk.repository.isHalted = false;
    unwrap(await run.updater.unpin());
    await run.poll();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
    assert.equal(shown(), null);
  });

  it('is left for its revocation while another bundle is downloaded from a server that stalls', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk);
    await run.poll();
    await run.items(5);
    disk.publish(V2);
    disk.repository.stallAfterBytes = 10;
    await run.pass('the download has begun', () => run.updater.status().phase === 'downloading');
    disk.repository.revoked = ['1.1.0'];
    await run.pass('the bin has left it', () => run.running === '/factory');
  });

  it('does not go on if its bundle is withdrawn while the server stalls', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    disk.repository.stallAfterBytes = 10;
    const run = await UpdaterRun.start(t, disk);
    const phase = () => run.updater.status().phase;
    await run.pass('the download has begun', () => phase() === 'downloading');
    disk.repository.isHalted = true;
    await run.pass('the download has ended', () => phase() === 'idle');
    disk.repository.isHalted = false;
    disk.repository.stallAfterBytes = null;
    await run.poll();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
    assert.equal(disk.repository.downloadedBytes, bytesOf(V1), 'no byte was downloaded twice');
  });

  it('does not happen if polling is off', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk, { polling: null });
    await run.clock.advance(48 * HOUR_MS);
    assert.equal(disk.repository.refreshes, 0);
    assert.deepEqual(unwrap(await run.updater.install({}, signal)), waste12('1.1.0'));
    await run.settled();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
  });

  it('fails if the disk is full, and succeeds when it has room', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    let free = 100;
    const run = await UpdaterRun.start(t, disk, { store: { freeBytes: async () => free, reserveBytes: 50 } });
    await run.poll();
    assert.deepEqual(
      [run.summary, run.updater.status().last?.code],
      ['idle 1.0.0, serves 1.0.0', 'update-no-space'],
    );
    assert.equal(disk.repository.downloadedBytes, 0);
    assert.deepEqual(run.faults, ['update-no-space']);
    free = 1e6;
    await run.poll();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
    assert.deepEqual(run.faults, ['update-no-space', null]);
  });

  it('clears the fault of a failed attempt when nothing is to be installed any more', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    disk.repository.cutAfterBytes = 300;
    const run = await UpdaterRun.start(t, disk);
    await run.poll();
    assert.deepEqual(run.faults, ['update-unreachable']);
    disk.repository.bundles = [];
    await run.poll();
    assert.deepEqual(run.faults, ['update-unreachable', null]);
  });

  it('does not call a revoked bundle a fault of the bin', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk, { polling: null });
    run.gate = (_, inner) => untilAborted(inner);
    unwrap(await run.updater.install({}, signal));
    disk.repository.revoked = ['1.1.0'];
    unwrap(await run.updater.check(signal));
    await run.settled();
    assert.equal(run.updater.status().last?.code, 'update-revoked');
    assert.deepEqual(run.faults, []);
  });
});

describe('a bad bundle', () => {
  it('is rejected by a gate with its reason, and not tried again', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk);
    run.gate = async () => failed('check-golden', 'tflite: golden sample 3 differs');
    await run.poll();
    assert.equal(run.summary, 'idle 1.0.0, serves 1.0.0');
    assert.deepEqual(run.rejected, ['waste12@1.1.0 check-golden: tflite: golden sample 3 differs']);
    await run.poll();
    assert.deepEqual(run.checked, ['1.1.0']);
  });

  it('is rejected by each gate, with the code and the reason on disk and in the list', async (t) => {
    for (const code of [
      'check-bundle',
      'check-policy',
      'check-runtime',
      'check-golden',
      'check-slow',
    ] as const) {
      const disk = new UpdateDisk(t);
      disk.publish(V1);
      const run = await UpdaterRun.start(t, disk);
      run.gate = async () => failed(code, `the reason of ${code}`);
      await run.poll();
      const [stored] = (disk.stored as State).rejected;
      assert.deepEqual(
        [stored?.version, stored?.code, stored?.reason],
        ['1.1.0', code, `the reason of ${code}`],
      );
      const [entry] = unwrap(await run.updater.list()).bundles;
      assert.deepEqual(entry?.rejection, stored);
    }
  });

  it('stays in the list when it is neither installed nor published any more', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk);
    run.gate = async () => failed('check-golden', 'sample 3 differs');
    await run.poll();
    disk.repository.bundles = [V2, V3, aBundle('1.4.0'), aBundle('1.5.0'), aBundle('1.6.0')];
    run.gate = async () => done({ runtimes: [] });
    for (const id of disk.repository.bundles) {
      unwrap(await run.updater.install({ id }, signal));
      await run.settled();
      await run.items(5);
    }
    assert.ok(!(await slotsOf(run.store)).includes('waste12@1.1.0'), 'its slot was removed');
    const entry = unwrap(await run.updater.list()).bundles.find(({ version }) => version === '1.1.0');
    assert.deepEqual([entry?.isInstalled, entry?.rejection?.code], [false, 'check-golden']);
  });

  it('is not rejected if the check or the download says nothing about it, and the list has the reason', async (t) => {
    for (const code of ['check-memory', 'check-postponed', 'update-file-invalid'] as const) {
      const disk = new UpdateDisk(t);
      disk.publish(V1);
      const run = await UpdaterRun.start(t, disk);
      run.gate = async () => failed(code, 'not now');
      if (code === 'update-file-invalid') disk.repository.downloadFault = code;
      await run.poll();
      const { last } = unwrap(await run.updater.list());
      assert.deepEqual([run.rejected, last?.event, last?.code], [[], 'failed', code]);
      assert.deepEqual((disk.stored as State).last, last);
    }
  });

  it('is rejected if a gate does not end, and if it throws', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk, { polling: null });
    run.gate = (_, inner) => untilAborted(inner);
    unwrap(await run.updater.install({}, signal));
    await until('the gate runs', () => run.checked.length === 1);
    await run.clock.advance(600_000);
    await run.settled();
    run.gate = async () => {
      throw new SortbinError('bundle-invalid', 'no labels');
    };
    assert.equal(codeOf(await run.updater.activate(V1, signal)), 'update-rejected');
    assert.deepEqual(
      run.reports.filter(({ event }) => event === 'rejected').map(({ code }) => code),
      ['check-timeout', 'bundle-invalid'],
    );
  });

  it('is rejected if its model does not start, and the present one serves on', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk);
    run.startOf = async () => {
      throw new SortbinError('no-runtime', 'no usable runtime');
    };
    await run.poll();
    assert.equal(run.summary, 'idle 1.0.0, serves 1.0.0');
    assert.deepEqual(
      [run.rejected, await run.pointers()],
      [['waste12@1.1.0 no-runtime: no usable runtime'], '- -'],
    );
  });

  it('is taken back after three runtime faults in a row, without a network', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk);
    await run.poll();
    await run.items(5);
    disk.publish(V2);
    await run.poll();
    disk.repository.fault = 'update-unreachable';
    await run.items(3, true);
    assert.equal(run.summary, 'idle 1.1.0, serves 1.1.0');
    assert.equal(await run.pointers(), '1.1.0 -');
    disk.repository.fault = null;
    await run.poll();
    assert.equal(run.summary, 'idle 1.1.0, serves 1.1.0');
  });

  it('is left at the fourth start, if three starts did not become healthy', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    await (await UpdaterRun.start(t, disk)).poll();
    const starts: string[] = [];
    for (let start = 0; start < 4; start += 1) {
      const run = await UpdaterRun.open(disk, { polling: null });
      await run.begin();
      starts.push(run.summary);
    }
    assert.deepEqual(starts, [...Array(3).fill('watching 1.1.0, serves 1.1.0'), 'idle 1.0.0, serves 1.0.0']);
  });

  it('does not prevent the start: the previous one, else the factory bundle serves', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1, V2);
    const first = await UpdaterRun.start(t, disk, { polling: null });
    for (const id of [V1, V2]) {
      unwrap(await first.updater.install({ id }, signal));
      await first.settled();
      await first.items(5);
    }
    const broken: string[] = ['1.2.0'];
    const restart = async () => {
      const run = await UpdaterRun.open(disk, { polling: null });
      run.startOf = async (folder) => {
        if (broken.some((version) => folder.endsWith(version)))
          throw new SortbinError('bundle-invalid', 'broken');
      };
      await run.begin();
      return `${run.summary}, ${await run.pointers()}`;
    };
    assert.equal(await restart(), 'idle 1.1.0, serves 1.1.0, 1.1.0 -');
    broken.push('1.1.0');
    assert.equal(await restart(), 'idle 1.0.0, serves 1.0.0, - -');
  });

  it('is not blamed if no bundle starts at all', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    await (await UpdaterRun.start(t, disk)).poll();
    const run = await UpdaterRun.open(disk);
    run.startOf = async () => {
      throw new SortbinError('no-runtime', 'accelerator not found');
    };
    await assert.rejects(run.begin(), { code: 'no-runtime' });
    assert.deepEqual([await run.pointers(), run.rejected], ['1.1.0 -', []]);
  });

  it('is left if it is revoked', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1, V2);
    const run = await UpdaterRun.start(t, disk);
    await run.poll();
    assert.equal(run.summary, 'watching 1.2.0, serves 1.2.0');
    disk.repository.revoked = ['1.2.0'];
    await run.poll();
    assert.equal(run.summary, 'idle 1.0.0, serves 1.0.0');
    await run.poll();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
  });
});

describe('the list', () => {
  it('has the last checks that a bundle passed, also after a restart', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk);
    const runtimes = [
      { title: 'tflite (LiteRT)', itemMs: 22.5, reason: null },
      { title: 'edgetpu', itemMs: null, reason: 'not connected' },
    ];
    run.gate = async () => done({ runtimes });
    await run.poll();
    const checksOf = async ({ updater }: UpdaterRun) =>
      unwrap(await updater.list()).bundles.map(({ version, checked }) => [
        version,
        checked?.runtimes ?? null,
      ]);
    const expected = [
      ['1.1.0', runtimes],
      ['1.0.0', null],
    ];
    assert.deepEqual(await checksOf(run), expected);
    const next = await UpdaterRun.start(t, disk, { polling: null });
    assert.deepEqual(await checksOf(next), expected);
    next.gate = async () => failed('check-golden', 'sample 3 differs');
    unwrap(await next.updater.rollback(signal));
    assert.equal(codeOf(await next.updater.activate(V1, signal)), 'update-rejected');
    assert.deepEqual((await checksOf(next))[0], ['1.1.0', null]);
  });

  it('has the fault of the repository, and what is published but not usable', async (t) => {
    const disk = new UpdateDisk(t);
    disk.repository.unusable = [{ path: 'waste12/1.3.0+linux', reason: 'not a semantic version' }];
    const run = await UpdaterRun.start(t, disk);
    unwrap(await run.updater.check(signal));
    disk.repository.fault = 'update-metadata-invalid';
    assert.equal(codeOf(await run.updater.check(signal)), 'update-metadata-invalid');
    const { fault, unusable } = unwrap(await run.updater.list());
    assert.deepEqual([fault?.code, unusable], ['update-metadata-invalid', disk.repository.unusable]);
    assert.deepEqual(run.updater.status().fault, fault);
  });
});

describe('the state', () => {
  it('that cannot be stored prevents an update, but not the way back', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk);
    disk.canStore = false;
    await run.poll();
    assert.deepEqual([run.summary, run.faults], ['idle 1.0.0, serves 1.0.0', ['update-failed']]);
    disk.canStore = true;
    await run.poll();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
    disk.canStore = false;
    for (let item = 0; item < 3; item += 1) run.updater.itemDone(V1, true);
    await until('the factory bundle serves', () => run.running === '/factory');
    await run.settled();
    assert.equal(run.summary, 'idle 1.0.0, serves 1.0.0');
  });

  it('that is lost is made from what the store shows', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    await (await UpdaterRun.start(t, disk)).poll();
    for (const stored of [null, 'damaged', { schema: 2 }]) {
      disk.stored = stored;
      const run = await UpdaterRun.start(t, disk, { polling: null });
      assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
    }
  });
});

describe('a slot whose files are damaged', () => {
  const damage = (run: UpdaterRun, id: BundleId) => {
    const path = join(run.store.folderOf(id), 'labels.txt');
    chmodSync(path, 0o644);
    writeFileSync(path, 'paper?');
  };

  it('is removed instead of activated, is not rejected, and can be installed again', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1, V2);
    const run = await UpdaterRun.start(t, disk, { polling: null });
    for (const id of [V1, V2]) {
      unwrap(await run.updater.install({ id }, signal));
      await run.settled();
      await run.items(5);
    }
    damage(run, V1);
    assert.equal(codeOf(await run.updater.activate(V1, signal)), 'bundle-damaged');
    assert.deepEqual([run.summary, run.updater.status().rejected], ['idle 1.2.0, serves 1.2.0', []]);
    assert.deepEqual(await slotsOf(run.store), ['waste12@1.2.0']);
    unwrap(await run.updater.install({ id: V1 }, signal));
    await run.settled();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
  });

  it('does not start, is not rejected, and is installed again by the next poll', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const first = await UpdaterRun.start(t, disk);
    await first.poll();
    damage(first, V1);
    await first.updater.stop();
    const run = await UpdaterRun.open(disk);
    t.after(() => run.updater.stop());
    run.startOf = async (folder) => {
      if (folder !== '/factory') throw new SortbinError('bundle-invalid', 'labels differ');
    };
    await run.begin();
    assert.deepEqual([run.summary, run.updater.status().rejected], ['idle 1.0.0, serves 1.0.0', []]);
    run.startOf = async () => {};
    await run.poll();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
  });
});

describe('a stop', () => {
  it('ends a download, which the next run continues', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    disk.repository.stallAfterBytes = 300;
    const run = await UpdaterRun.start(t, disk, { polling: null });
    unwrap(await run.updater.install({}, signal));
    await until('the download stalls', () => disk.repository.downloadedBytes > 300);
    await run.updater.stop();
    await run.updater.stop();
    assert.equal(codeOf(await run.updater.pin()), 'update-stopped');
    disk.repository.stallAfterBytes = null;
    const next = await UpdaterRun.start(t, disk);
    assert.equal(next.summary, 'idle 1.0.0, serves 1.0.0');
    await next.poll();
    assert.equal(next.summary, 'watching 1.1.0, serves 1.1.0');
    assert.equal(disk.repository.downloadedBytes, bytesOf(V1));
  });

  it('takes 300 ms at most, even if a download does not end', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    disk.repository.stallAfterBytes = 300;
    disk.repository.ignoresSignal = true;
    const run = await UpdaterRun.start(t, disk, { polling: null });
    unwrap(await run.updater.install({}, signal));
    await until('the download stalls', () => disk.repository.downloadedBytes > 300);
    let isStopped = false;
    const stopped = run.updater.stop().then(() => {
      isStopped = true;
    });
    await run.clock.advance(299);
    assert.equal(isStopped, false);
    await run.clock.advance(1);
    await stopped;
    assert.equal(run.clock.waiting, 0, 'no timer is left');
  });

  it('during a start or before it needs no time', async (t) => {
    const run = await UpdaterRun.open(new UpdateDisk(t));
    await run.updater.stop();
    assert.equal(codeOf(await run.updater.install({}, signal)), 'update-stopped');
  });
});

describe('a command', () => {
  const installed = async (t: Parameters<typeof UpdaterRun.start>[0]) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1, V2);
    const run = await UpdaterRun.start(t, disk, { polling: null });
    for (const id of [V1, V2]) {
      unwrap(await run.updater.install({ id }, signal));
      await run.settled();
      await run.items(5);
    }
    return { run, disk };
  };

  it('rolls back and activates, and resolves when the model has been exchanged', async (t) => {
    const { run } = await installed(t);
    assert.deepEqual(unwrap(await run.updater.rollback(signal)), waste12('1.1.0'));
    assert.equal(run.summary, 'idle 1.1.0, serves 1.1.0');
    assert.deepEqual(unwrap(await run.updater.rollback(signal)), waste12(FACTORY.version));
    assert.equal(codeOf(await run.updater.rollback(signal)), 'update-no-previous');
    assert.deepEqual(unwrap(await run.updater.activate(V2, signal)), waste12('1.2.0'));
    assert.equal(run.summary, 'watching 1.2.0, serves 1.2.0');
    assert.equal(codeOf(await run.updater.activate(V3, signal)), 'update-not-installed');
  });

  it('pins the bin, and unpins it', async (t) => {
    const { run, disk } = await installed(t);
    unwrap(await run.updater.pin());
    assert.equal(run.updater.status().isPinned, true);
    disk.publish(V3);
    unwrap(await run.updater.install({}, signal));
    await run.settled();
    assert.equal(run.summary, 'ready 1.2.0, serves 1.2.0');
    unwrap(await run.updater.unpin());
    await run.clock.advance(60_000);
    await until('it is active', () => run.updater.status().current.version === '1.3.0');
  });

  it('checks without installing, and lists what is installed and published', async (t) => {
    const { run, disk } = await installed(t);
    disk.publish(V3);
    disk.repository.revoked = ['1.1.0'];
    assert.equal(unwrap(await run.updater.check(signal)).bundles.length, 3);
    const entries = unwrap(await run.updater.list()).bundles;
    const marks = (entry: (typeof entries)[number]) =>
      Object.entries(entry).flatMap(([key, value]) => (value === true ? [key] : []));
    assert.deepEqual(
      entries.map((entry) => [entry.version, entry.revoked, ...marks(entry)]),
      [
        ['1.3.0', null, 'isPublished'],
        ['1.2.0', null, 'isCurrent', 'isInstalled', 'isPublished', 'isTrusted'],
        ['1.1.0', HARMFUL, 'isInstalled', 'isPublished', 'isTrusted'],
        ['1.0.0', null, 'isFactory', 'isInstalled', 'isTrusted'],
      ],
    );
    const published = unwrap(await run.updater.show(V3));
    assert.deepEqual([published.bytes, published.folder, published.installedAt], [bytesOf(V3), null, null]);
    assert.deepEqual(
      published.files?.map(({ file }) => file),
      V3.files.map(({ file }) => file),
    );
    const folders = [V2, FACTORY].map(async (id) => unwrap(await run.updater.show(id)).folder);
    assert.deepEqual(await Promise.all(folders), [run.store.folderOf(V2), '/factory']);
    assert.equal(codeOf(await run.updater.show(waste12('7.0.0'))), 'update-not-found');
    assert.equal(run.summary, 'idle 1.2.0, serves 1.2.0');
  });

  it('installs from a folder, and refuses what the repository does not have', async (t) => {
    const { run, disk } = await installed(t);
    disk.publish(V3);
    assert.deepEqual(unwrap(await run.updater.install({ folder: '/media/usb' }, signal)), waste12('1.3.0'));
    await run.settled();
    assert.equal(run.summary, 'watching 1.3.0, serves 1.3.0');
    assert.equal(codeOf(await run.updater.install({ id: waste12('7.0.0') }, signal)), 'update-not-found');
    disk.repository.revoked = ['1.4.0'];
    disk.publish(aBundle('1.4.0'));
    assert.equal(codeOf(await run.updater.install({ id: waste12('1.4.0') }, signal)), 'update-revoked');
    disk.repository.fault = 'update-unreachable';
    assert.equal(codeOf(await run.updater.install({}, signal)), 'update-unreachable');
  });

  it('installs other content of the same id, but not in place of the active bundle', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1);
    const run = await UpdaterRun.start(t, disk, { polling: null });
    const install = async (by: string) => {
      disk.repository.bundles = [aBundle('1.1.0', { 'manifest.json': by })];
      const answer = await run.updater.install({ id: waste12('1.1.0') }, signal);
      await run.settled();
      return answer;
    };
    unwrap(await install('one'));
    await run.items(5);
    assert.equal(codeOf(await install('other')), 'update-other-content');
    const [entry] = unwrap(await run.updater.list()).bundles;
    assert.deepEqual([entry?.isCurrent, entry?.hasOtherContent], [true, true]);
    unwrap(await run.updater.rollback(signal));
    unwrap(await install('other'));
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
    assert.equal(readFileSync(join(run.running, 'manifest.json'), 'utf8'), 'other');
    assert.deepEqual(unwrap(await run.updater.list()).bundles[0]?.isTrusted, false);
  });

  it('replaces a download that runs', async (t) => {
    const disk = new UpdateDisk(t);
    disk.publish(V1, V2);
    disk.repository.stallAfterBytes = 300;
    const run = await UpdaterRun.start(t, disk, { polling: null });
    unwrap(await run.updater.install({ id: V2 }, signal));
    await until('the download stalls', () => disk.repository.downloadedBytes > 300);
    disk.repository.stallAfterBytes = null;
    unwrap(await run.updater.install({ id: V1 }, signal));
    await run.settled();
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
    assert.deepEqual(await slotsOf(run.store), ['waste12@1.1.0']);
    assert.ok(
      !existsSync(run.store.partPath(V2.files[2]?.sha256 ?? '')),
      'the part file of the other one is gone',
    );
  });
});
