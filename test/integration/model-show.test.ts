import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { factoryBundle } from '../support/bundle-copy.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { withUpdatingBin } from '../support/update/updating-bin.js';

describe('sortbin model show NAME@VERSION', () => {
  it('shows what a running bin has and what is published, with its update state', (t) =>
    withUpdatingBin(t, { published: ['9.0.0'] }, async ({ folder, repository, publish, run }) => {
      assert.equal((await run('model', 'install')).code, 0);
      const active = await run('model', 'show', 'waste12@9.0.0');
      assert.equal(active.code, 0);
      assert.match(active.text, new RegExp(`^${folder}/data/models/slots/waste12@9\\.0\\.0\n\nupdate\n`));
      assert.match(active.text, /\n {2}state +active, under watch\n {2}installed +\d{4}-\d\d-\d\d \d\d:/);
      assert.match(active.text, /\nwaste12 9\.0\.0\n {2}created /);

      const status = await run('status');
      assert.match(status.text, /\n {2}. model +waste12@9\.0\.0, under watch\n/);
      assert.match(status.text, /\n {2}. repository +last checked \d{4}-/);
      const { value } = JSON.parse((await run('status', '--json')).text);
      assert.deepEqual([value.update.current.version, value.update.phase], ['9.0.0', 'watching']);

      await publish('9.1.0');
      const revoked = [
        { name: 'waste12', version: '9.1.0', reason: 'wrong labels', at: '2026-11-01T00:00:00Z' },
      ];
      repository.signed.targets['x-sortbin'] = { revoked };
      repository.publish();
      assert.equal((await run('model', 'check')).code, 0);
      const published = await run('model', 'show', 'waste12@9.1.0');
      assert.match(
        published.text,
        /^waste12@9\.1\.0: not installed\n\nupdate\n {2}state +published, revoked\n/,
      );
      assert.match(published.text, /\n {2}revoked +2026-\d\d-\d\d [\d:]+: wrong labels\n/);
      assert.match(published.text, /\n {2}size +4\.\d MB in \d+ files\n/);
      assert.match(published.text, /\n {2}files +labels\.txt {2,}0\.1 kB\n/);
      const { text } = await run('model', 'show', 'waste12@9.1.0', '--json');
      const { schema, manifest, update } = JSON.parse(text);
      assert.deepEqual([schema, manifest, update.revoked.reason], [1, null, 'wrong labels']);

      const unknown = await run('model', 'show', 'waste12@7.0.0');
      assert.deepEqual(unknown, {
        code: 65,
        text: 'sortbin: waste12@7.0.0: not in the repository, and not installed. Run sortbin model list.',
      });
    }));

  it('shows an installed bundle of a bin that does not run, and a folder rather than a bundle', () =>
    inFolder('', async (folder) => {
      const show = async (...args: string[]) => {
        const command = new Sortbin(['model', 'show', ...args], folder);
        const code = await command.ended();
        return { code, text: command.output.join('\n'), stderr: command.stderr };
      };
      const missing = await show('waste12@9.0.0');
      assert.equal(missing.code, 69);
      assert.match(
        missing.stderr,
        /waste12@9\.0\.0: not in .*\/data\/models, and the bin does not run\. Start/,
      );
      await cp(factoryBundle(), join(folder, 'data/models/slots/waste12@9.0.0'), { recursive: true });
      const installed = await show('waste12@9.0.0');
      assert.equal(installed.code, 0);
      assert.match(
        installed.text,
        /waste12@9\.0\.0\n\nupdate\n {2}state {2}not known, because the bin does not run\n/,
      );
      assert.match(installed.text, /\nwaste12 \d+\.\d+\.\d+\n {2}created /);
      mkdirSync(join(folder, 'waste12@9.0.0'));
      assert.match(
        (await show('waste12@9.0.0')).stderr,
        /bundle .*sortbin-\w+\/waste12@9\.0\.0: manifest\.json: the file is missing/,
      );
      assert.equal((await show('nowhere')).code, 64);
    }));
});
