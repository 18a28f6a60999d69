import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { readConfig } from '../../../device/tools/cli/loaded-config.js';

describe('the configuration file of a command', () => {
  const workingDirectory = process.cwd();
  let folder = '';
  const write = async (name: string) => {
    const path = join(folder, name);
    await writeFile(path, `bin: { id: ${name.replace('.yaml', '')} }\n`);
    return path;
  };
  const binOf = async (file?: string) => (await readConfig(file)).config.bin.id;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sortbin-config-path-'));
    process.chdir(folder);
  });
  afterEach(() => {
    delete process.env.SORTBIN_CONFIG;
  });
  after(async () => {
    process.chdir(workingDirectory);
    await rm(folder, { recursive: true });
  });

  it('has all defaults if no file is named and sortbin.yaml does not exist', async () => {
    assert.equal((await readConfig(undefined)).source, 'defaults');
  });

  it('is the option, else SORTBIN_CONFIG, else sortbin.yaml of the working directory', async () => {
    await write('sortbin.yaml');
    const named = await write('named.yaml');
    assert.equal(await binOf(), 'sortbin');
    process.env.SORTBIN_CONFIG = '';
    assert.equal(await binOf(), 'sortbin', 'an empty variable names no file');
    process.env.SORTBIN_CONFIG = await write('environment.yaml');
    assert.equal(await binOf(), 'environment');
    assert.equal(await binOf(named), 'named');
  });

  it('must exist if SORTBIN_CONFIG names it', async () => {
    process.env.SORTBIN_CONFIG = 'missing.yaml';
    await assert.rejects(readConfig(undefined), /missing\.yaml/);
  });
});
