import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { putSystemdFiles } from '../../../deploy/package/systemd-files.js';
import { listTree } from '../../../deploy/package/tree.js';

describe('the files of systemd/', () => {
  let folder = '';
  const target = () => join(folder, 'root');
  const fill = async (...names: string[]) => {
    for (const name of names) await writeFile(join(folder, name), '');
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sortbin-systemd-files-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('go to the place of their kind', async () => {
    await fill(
      'README.md',
      'sortbin.service',
      '60-sortbin.rules',
      'sortbin.sysusers',
      'sortbin-watchdog.conf',
    );
    await putSystemdFiles(target(), folder, ['sortbin.service']);
    assert.deepEqual(await listTree(target()), [
      'usr/lib/systemd/system/sortbin.service',
      'usr/lib/sysusers.d/sortbin.conf',
      'usr/lib/udev/rules.d/60-sortbin.rules',
      'usr/share/doc/sortbin/examples/sortbin-watchdog.conf',
    ]);
  });

  it('stop the build if one is missing, or has no place', async () => {
    await assert.rejects(putSystemdFiles(target(), folder, ['sortbin.service']), /sortbin\.service: missing/);
    await fill('strange.txt');
    await assert.rejects(putSystemdFiles(target(), folder, []), /strange\.txt: no place in the package/);
  });
});
