import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { hangingLibrary } from '../../support/hanging-library.js';
import { Sortbin } from '../../support/sortbin.js';
import { writeVersion } from '../../support/update/bin/published.js';
import { UpdateBin } from '../../support/update/bin/update-bin.js';

it('a bin that is stopped while its model starts does not take a bundle under watch back', (t) =>
  UpdateBin.use({}, async (bin) => {
    await bin.repository.add(await writeVersion(join(bin.folder, 'new'), '9.0.0'));
    await bin.start();
    await bin.installs('9.0.0');
    await bin.stop();

    const { library, hung } = await hangingLibrary(t);
    bin.configure({
      vision: { runtime: 'tflite', tflite: { binding: 'tensorflowlite', library }, startMs: 60_000 },
    });
    for (let starts = 0; starts < 4; starts += 1) {
      const program = new Sortbin(['run'], bin.folder);
      await hung(program.pid);
      program.kill('SIGTERM');
      assert.equal(await program.ended(), 0, program.text);
    }

    bin.configure({});
    await bin.start();
    const { current, rejected } = await bin.status();
    assert.deepEqual([current.version, rejected], ['9.0.0', []]);
    await bin.stop();
  }));
