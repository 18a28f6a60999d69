import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { syncPath } from '../../device/kit/durable-file.js';
import { type CutDisk, MODES, type Mode, type RecordedDisk, recordWrites } from './guest/power-cuts.js';

const ALL = { count: Number.POSITIVE_INFINITY, seed: 1 };
const TIMEOUT_MS = 900_000;
const BYTES = 60_000;

/** Returns the different results of a program that replaces a file of letters a by letters b, and then says so. */
const contentsAfterCuts = async (
  t: Parameters<typeof recordWrites>[0],
  mode: Mode,
  replace: (path: string) => void,
): Promise<string[]> => {
  const pathIn = ({ folder }: RecordedDisk | CutDisk) => join(folder, 'file');
  const recording = await recordWrites(t, mode, async (disk) => {
    writeFileSync(pathIn(disk), 'a'.repeat(BYTES));
    syncPath(pathIn(disk));
    syncPath(disk.folder);
    await disk.mark('old');
    replace(pathIn(disk));
    await disk.mark('new');
  });
  const found = new Set<string>();
  await recording.forEachCut(ALL, async (disk) => {
    if (disk.marks.length === 0) return;
    const content = existsSync(pathIn(disk)) ? readFileSync(pathIn(disk), 'utf8') : 'nothing';
    const isWhole = ['a', 'b'].some((letter) => content === letter.repeat(BYTES));
    found.add(`${disk.marks.at(-1)}: ${isWhole ? content[0] : 'damaged'}`);
  });
  return [...found].sort();
};

describe('the disk after a power cut', { timeout: TIMEOUT_MS }, () => {
  for (const mode of MODES) {
    it(`has what was synced (mount ${mode})`, async (t) => {
      const found = await contentsAfterCuts(t, mode, (path) => {
        writeFileSync(`${path}.tmp`, 'b'.repeat(BYTES));
        syncPath(`${path}.tmp`);
        renameSync(`${path}.tmp`, path);
        syncPath(join(path, '..'));
      });
      assert.deepEqual(found, ['dm-log-writes-end: b', 'new: b', 'old: a', 'old: b']);
    });

    it(`may not have a rename whose folder was not synced (mount ${mode})`, async (t) => {
      const found = await contentsAfterCuts(t, mode, (path) => {
        writeFileSync(`${path}.tmp`, 'b'.repeat(BYTES));
        syncPath(`${path}.tmp`);
        renameSync(`${path}.tmp`, path);
      });
      assert.ok(found.includes('new: a'), `${found}`);
    });

    it(`may have a part of a file that was not synced (mount ${mode})`, async (t) => {
      const found = await contentsAfterCuts(t, mode, (path) =>
        writeFileSync(path, 'b'.repeat(BYTES), { flag: 'r+' }),
      );
      assert.ok(found.includes('new: a') && found.includes('new: damaged'), `${found}`);
    });
  }

  it('may have a name without its content, if ext4 does not help (mount strict)', async (t) => {
    const replace = (path: string): void => {
      writeFileSync(`${path}.tmp`, 'b'.repeat(BYTES));
      renameSync(`${path}.tmp`, path);
      syncPath(join(path, '..'));
    };
    assert.ok((await contentsAfterCuts(t, 'strict', replace)).includes('new: damaged'));
    const helped = await contentsAfterCuts(t, 'default', replace);
    assert.ok(!helped.includes('new: damaged'), `${helped}`);
  });
});
