import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fillDisk, mountSmallDisk, noSmallDisk, type SmallDisk } from '../support/small-disk.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const CONFIG = `dataDir: disk/data
vision: { driver: simulated, script: [{ label: paper }] }
trigger: { driver: interval, everyMs: 100 }
gate: { moveMs: 1 }
mqtt: { embedded: { port: 0 } }
`;

const withDisk = (
  config: string,
  size: string,
  use: (disk: SmallDisk, run: () => Sortbin, folder: string) => Promise<void>,
) =>
  inFolder(config, async (folder) => {
    mkdirSync(join(folder, 'disk'));
    const disk = await mountSmallDisk(join(folder, 'disk'), size);
    try {
      await use(disk, () => new Sortbin(['run'], folder, {}, 'pipe', disk.prefix), folder);
    } finally {
      await disk.close();
    }
  });

const untilLines = (bin: Sortbin, what: string, count: number, matches: (msg: string) => boolean) =>
  until(
    () => `${count} times ${what}. The output is:\n${bin.text.slice(-4_000)}`,
    () => bin.lines.filter(({ msg }) => matches(msg)).length >= count,
    60_000,
  );

const stop = async (bin: Sortbin): Promise<void> => {
  bin.kill('SIGTERM');
  assert.equal(await bin.ended(), 0);
};

describe('a disk that is full', { skip: noSmallDisk() }, () => {
  it('is the reason that the start states', () =>
    withDisk(CONFIG, '64k', async (disk, run) => {
      fillDisk(disk.file('fill'));
      const bin = run();
      assert.equal(await bin.ended(), 74);
      assert.match(bin.stderr, /: the disk is full\. Free some space on the disk and start again\./);
    }));

  it('counts the events that could not be recorded, and reports them at the stop and at the next start', () =>
    withDisk(`${CONFIG}journal: { frames: { maxCount: 0 } }\n`, '4m', async (disk, run) => {
      const bin = run();
      await untilLines(bin, 'sorted', 3, (msg) => msg === 'item sorted');
      fillDisk(disk.file('fill'));
      await bin.waitForLog(/^the journal failed/);
      await stop(bin);
      const lost = bin.lines.filter(({ msg }) => msg === 'an event could not be recorded').length;
      assert.ok(lost > 0, bin.text);
      const line = bin.lines.filter(({ msg }) => /^journal: \d+ events could not be recorded$/.test(msg));
      assert.deepEqual(
        line.map(({ unrecorded }) => unrecorded),
        [lost],
      );
      rmSync(disk.file('fill'));
      const next = run();
      const before = await next.waitForLog(/^journal: \d+ events could not be recorded since it was created/);
      assert.equal(before.unrecorded, lost);
      await stop(next);
    }));

  it('loses no event while there is room again before the stop', () =>
    withDisk(`${CONFIG}journal: { frames: { maxCount: 0 } }\n`, '4m', async (disk, run) => {
      const bin = run();
      await untilLines(bin, 'sorted', 1, (msg) => msg === 'item sorted');
      fillDisk(disk.file('fill'));
      await bin.waitForLog(({ code }) => code === 'journal-full');
      rmSync(disk.file('fill'));
      await untilLines(bin, 'failed', 1, (msg) => msg === 'item failed');
      await bin.waitForLog(/^journal: recovered/);
      await stop(bin);
      assert.deepEqual(
        bin.lines.filter(({ msg }) => /could not be recorded/.test(msg)),
        [],
      );
    }));

  it('does not let kept frames stop the journal: it keeps the newest ones and records every event', () =>
    withDisk(CONFIG, '2m', async (disk, run) => {
      const bin = run();
      await untilLines(bin, 'sorted', 70, (msg) => msg === 'item sorted');
      const frames = readdirSync(disk.file('data', 'frames')).length;
      assert.ok(frames > 10 && frames < 70, `${frames} frames`);
      fillDisk(disk.file('fill'));
      await untilLines(bin, 'sorted', 90, (msg) => msg === 'item sorted');
      await stop(bin);
      assert.ok(readdirSync(disk.file('data', 'frames')).length < frames, 'frames gave way to events');
      assert.deepEqual(
        bin.lines.filter(({ level, msg }) => level > 40 || msg === 'item failed').map(({ msg }) => msg),
        [],
      );
    }));
});

describe('a disk that is read-only', { skip: noSmallDisk() }, () => {
  it('is the reason that the start states, and the events can still be listed', () =>
    withDisk(CONFIG, '4m', async (disk, run, folder) => {
      const bin = run();
      await bin.waitForLog(/^item sorted/);
      await stop(bin);
      disk.makeReadOnly();
      const second = run();
      assert.equal(await second.ended(), 74);
      const events = new Sortbin(['events'], folder, {}, 'pipe', disk.prefix);
      assert.deepEqual([await events.ended(), events.stderr], [0, '']);
      assert.match(events.output[0] ?? '', /#1 +paper/);
      assert.match(
        second.stderr,
        /: the disk is read-only\. Make the folder writable .* set another dataDir\./,
      );
    }));
});
