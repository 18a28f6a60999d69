import assert from 'node:assert/strict';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lockFolder } from '../../device/journal/lock.js';
import { FakeIo } from '../support/hardware/fake-io.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

const SWITCHES = 'gate: { driver: servo, lid: { chip: a, offset: 5 }, home: { chip: a, offset: 6 } }\n';

describe('sortbin calibrate, without a terminal', () => {
  it('prints the levels of the inputs, one line per change, until it is interrupted', async (test) => {
    const io = await new FakeIo().start();
    test.after(() => io.stop());
    await inFolder(`lines: { program: ${io.path} }\n${SWITCHES}`, async (folder) => {
      const levels = new Sortbin(['calibrate', 'levels', '--json'], folder);
      const printed = () => levels.output.map((line) => JSON.parse(line));
      await until('two levels', () => printed().length === 2);
      io.press('lid', true);
      await until('a change', () => printed().length === 3);
      assert.deepEqual(
        printed().map(({ input, active, edges }) => [input, active, edges]),
        [
          ['gate.lid', false, 0],
          ['gate.home', false, 0],
          ['gate.lid', true, 1],
        ],
      );
      assert.ok(printed().every(({ at }) => Math.abs(Date.parse(at) - Date.now()) < 60_000));
      // It opens only inputs.
      assert.deepEqual([...new Set(io.commands.map((words) => words.split(' ')[0]))].sort(), ['get', 'in']);
      levels.kill('SIGINT');
      assert.equal(await levels.ended(), 0);
      assert.deepEqual([levels.stderr, await readdir(folder)], ['', ['sortbin.yaml']]);
    });
  });

  it('is refused while the bin owns the lines', async (test) => {
    const io = await new FakeIo().start();
    test.after(() => io.stop());
    io.respond = (words) => (words.startsWith('in ') ? 'error busy sortbin-io' : 'rules');
    await inFolder(`lines: { program: ${io.path} }\n${SWITCHES}`, async (folder) => {
      const levels = new Sortbin(['calibrate', 'levels'], folder);
      assert.equal(await levels.ended(), 69);
      assert.match(levels.stderr, /^sortbin: gate\.lid: "lid" .*another process holds.*Stop it first/);
    });
  });

  it('is refused while the bin runs, even if its lines are simulated', () =>
    inFolder(`lines: { driver: simulated }\n${SWITCHES}`, async (folder) => {
      await mkdir(join(folder, 'data'));
      const unlock = lockFolder(join(folder, 'data'));
      const busy = new Sortbin(['calibrate', 'levels'], folder);
      assert.equal(await busy.ended(), 69);
      assert.match(busy.stderr, /the bin of .*data runs\. .*Stop it first/);
      unlock();
      const levels = new Sortbin(['calibrate', 'levels'], folder);
      await until('the levels', () => levels.output.length === 2);
      assert.throws(() => lockFolder(join(folder, 'data')), { code: 'journal-unreadable' });
      levels.kill('SIGTERM');
      assert.equal(await levels.ended(), 0);
    }));

  it('refuses to move a gate without a keyboard', () =>
    inFolder(`lines: { driver: simulated }\n${SWITCHES}`, async (folder) => {
      const gate = new Sortbin(['calibrate', 'gate'], folder);
      assert.deepEqual([await gate.ended(), gate.output], [66, []]);
      assert.match(gate.stderr, /no terminal\. The gate moves while you hold a key\. Run it on a terminal/);
    }));
});
