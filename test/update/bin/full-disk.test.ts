import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { fillDisk, mountSmallDisk, noSmallDisk, type SmallDisk } from '../../support/small-disk.js';
import { writeVersion } from '../../support/update/bin/published.js';
import { UpdateBin } from '../../support/update/bin/update-bin.js';

/** The bundle has 4.2 MB, and an update leaves 16 MiB for other data. */
const SIZE = '32m';
const LITTLE = 600_000;
const CONFIG = { dataDir: 'disk/data', journal: { frames: { maxCount: 0 } } };

const useDisk = (use: (bin: UpdateBin, disk: SmallDisk, full: string) => Promise<void>) =>
  UpdateBin.use(CONFIG, async (bin) => {
    mkdirSync(join(bin.folder, 'disk'));
    const disk = await mountSmallDisk(join(bin.folder, 'disk'), SIZE);
    try {
      await bin.repository.add(await writeVersion(join(bin.folder, 'new'), '9.0.0'));
      await bin.start({}, disk.prefix, disk.file('data'));
      await use(bin, disk, disk.file('full'));
      await bin.stop();
    } finally {
      await disk.close();
    }
  });

const freeBytes = async (disk: SmallDisk): Promise<number> => {
  const { bavail, bsize } = await statfs(disk.file('data'));
  return bavail * bsize;
};

it('an update needs room, and leaves some for the journal', { skip: noSmallDisk() }, () =>
  useDisk(async (bin, _, full) => {
    fillDisk(full, 18 << 20);
    const refused = await bin.refuses();
    assert.equal(refused.code, 'update-no-space');
    assert.match(refused.message, /models: \d+ bytes free, but the update needs \d+\. Free some space\./);
    assert.deepEqual(await bin.faults(), ['update-no-space']);
    await bin.sortsOn();

    fillDisk(full);
    const checked = await bin.task('check');
    assert.equal(checked.task?.fault?.code, 'update-no-space');
    await bin.program.waitForLog(({ code }) => code === 'journal-full');
    rmSync(full);
    await bin.installs('9.0.0');
    assert.deepEqual(await bin.faults(), []);
    await bin.sortsOn();
  }),
);

it('a disk that fills up during a download gets the room back for the journal', { skip: noSmallDisk() }, () =>
  useDisk(async (bin, disk, full) => {
    const { repository } = bin;
    const path = repository.pathOf('9.0.0', 'model_int8.tflite');
    const model = repository.files.get(path) ?? Buffer.alloc(0);
    repository.server.answer(path, (_, response) => {
      response.writeHead(200, { 'Content-Length': model.length });
      response.write(model.subarray(0, 1e6));
      setTimeout(() => {
        fillDisk(full, LITTLE);
        response.end(model.subarray(1e6));
      }, 300);
    });
    const { code, message } = await bin.refuses();
    assert.equal(code, 'update-no-space');
    assert.match(message, /no space left\. Free some space\./);
    assert.deepEqual(await bin.faults(), [code]);
    assert.ok((await freeBytes(disk)) > LITTLE, `only ${await freeBytes(disk)} bytes are free`);
    await bin.sortsOn();
    repository.server.reset();
    rmSync(full);
    await bin.installs('9.0.0');
    await bin.sortsOn();
  }),
);
