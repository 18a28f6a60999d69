import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { makeFolder, writeDurably } from '../../device/kit/durable-file.js';
import { temporaryFolder } from '../support/journal/journal-folder.js';

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('a durable file', () => {
  it('replaces the old file, and leaves no temporary file', (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'outputs.txt');
    writeFileSync(`${path}.tmp`, 'half of an earlier write');
    writeDurably(path, 'old');
    writeDurably(path, Buffer.from('new'));
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.deepEqual(readdirSync(folder), ['outputs.txt']);
  });

  it('does not follow a symbolic link in place of the file, or of its temporary file', (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'outputs.txt');
    writeFileSync(join(folder, 'other'), 'other');
    symlinkSync(join(folder, 'other'), path);
    symlinkSync(join(folder, 'other'), `${path}.tmp`);
    writeDurably(path, 'new');
    assert.equal(readFileSync(join(folder, 'other'), 'utf8'), 'other');
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.deepEqual(readdirSync(folder), ['other', 'outputs.txt']);
  });

  it('has the given permissions whatever the umask is, and by default only the owner may read it', (t) => {
    const folder = temporaryFolder(t);
    const umask = process.umask(0o077);
    t.after(() => process.umask(umask));
    writeDurably(join(folder, 'shared'), '', { mode: 0o664 });
    writeDurably(join(folder, 'private'), '');
    assert.deepEqual([modeOf(join(folder, 'shared')), modeOf(join(folder, 'private'))], [0o664, 0o600]);
  });

  it('keeps the old file and leaves no temporary file if the write fails', (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, 'taken', 'by a folder'), { recursive: true });
    assert.throws(() => writeDurably(join(folder, 'taken'), 'text'), { code: 'EISDIR' });
    assert.deepEqual(readdirSync(folder), ['taken']);
  });
});

describe('a folder', () => {
  it('is created with its parents, and may exist', (t) => {
    const folder = join(temporaryFolder(t), 'a', 'b', 'c');
    makeFolder(folder, 0o700);
    makeFolder(folder, 0o700);
    assert.equal(modeOf(folder), 0o700);
  });
});
