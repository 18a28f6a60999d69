import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { parseConfig } from '../../device/config/load.js';
import { packageRoot } from '../../device/kit/root.js';
import { inFolder, Sortbin } from '../support/sortbin.js';

interface UserData {
  readonly write_files: readonly {
    readonly path: string;
    readonly permissions: string;
    readonly content: string;
  }[];
  readonly runcmd: readonly (readonly string[])[];
}

const text = readFileSync(join(packageRoot(), 'docs/examples/user-data.yaml'), 'utf8');
const { write_files: files, runcmd }: UserData = parse(text);

describe('the cloud-init example', () => {
  it('begins as cloud-init requires, and keeps the answers secret', () => {
    assert.ok(text.startsWith('#cloud-config\n'));
    assert.deepEqual(
      files.map(({ path, permissions }) => [path, permissions]),
      [['/root/sortbin-answers.yaml', '0600']],
    );
  });

  it('has answers and a command that sortbin setup accepts', () =>
    inFolder('', async (folder) => {
      const answers = files[0]?.content ?? '';
      await writeFile(join(folder, 'answers.yaml'), answers);
      const [shell, stopsAtFailure, script = ''] = runcmd[0] ?? [];
      assert.deepEqual([runcmd.length, shell, stopsAtFailure], [1, 'sh', '-ec']);
      const [, ...args] = /^sortbin setup .*$/m.exec(script)?.[0].split(' ') ?? [];
      const setup = new Sortbin(
        args.map((word) => (word === files[0]?.path ? 'answers.yaml' : word)),
        folder,
      );
      assert.equal(await setup.ended(), 0, setup.text);
      const written = parseConfig(await readFile(join(folder, 'sortbin.yaml'), 'utf8'), 'sortbin.yaml');
      assert.deepEqual(written, parseConfig(answers, 'answers'));
    }));
});
