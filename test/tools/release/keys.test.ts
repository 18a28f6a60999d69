import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemDisk } from '../../../device/tools/release/folder/disk.js';
import {
  type KeyFile,
  makeKey,
  openKey,
  parseKeyFile,
  sealKey,
} from '../../../device/tools/release/keys/key-file.js';
import { KeyRing, sealInto, writeKey } from '../../../device/tools/release/keys/key-ring.js';
import { temporaryFolder } from './support.js';

const PASSPHRASE = 'correct horse battery';
const REPOSITORY = 'a'.repeat(64);

const secretOf = (key: ReturnType<typeof makeKey>) => key.secret.export({ format: 'jwk' }).d ?? '';

describe('a key file', () => {
  const key = makeKey('targets');

  it('gives the key back with its passphrase alone', async () => {
    const file = await sealKey(key, REPOSITORY, PASSPHRASE);
    const opened = await openKey('k', parseKeyFile('k', JSON.stringify(file)), PASSPHRASE);
    assert.ok(opened);
    assert.equal(secretOf(opened), secretOf(key));
    assert.equal(await openKey('k', file, `${PASSPHRASE} `), null);
    const secret = Buffer.from(secretOf(key), 'base64url');
    assert.ok(!JSON.stringify(file).includes(secret.toString('base64')));
  });

  it('cannot be opened if its role, its id or its secret was changed', async () => {
    const file = await sealKey(key, REPOSITORY, PASSPHRASE);
    const other = makeKey('targets');
    const changes: readonly Partial<KeyFile>[] = [
      { role: 'root' },
      { keyId: other.keyId },
      { public: other.public },
      { repository: 'b'.repeat(64) },
      { secret: Buffer.alloc(32).toString('base64') },
    ];
    for (const change of changes)
      assert.equal(await openKey('k', { ...file, ...change }, PASSPHRASE), null, JSON.stringify(change));
  });

  it('without a passphrase is refused if its public part is of another key', async () => {
    const file = await sealKey(key, REPOSITORY, null);
    const { keyId, public: raw } = makeKey('targets');
    await assert.rejects(
      openKey('k', { ...file, public: raw, keyId }, ''),
      /k: the public part is of another key/,
    );
  });

  it('is refused with a reason if it is no key file, or demands too much memory', async () => {
    const file = await sealKey(key, REPOSITORY, PASSPHRASE);
    const huge = { ...file, encryption: { ...file.encryption, n: 2 ** 24 } };
    const refused: readonly [text: string, problem: RegExp][] = [
      ['{', /not JSON/],
      ['{}', /\(format\)/],
      [JSON.stringify({ ...file, version: 2 }), /\(version\)/],
      [JSON.stringify({ ...file, more: 1 }), /unknown keys/],
      [JSON.stringify(huge), /encryption\.n/],
    ];
    for (const [text, problem] of refused)
      assert.throws(() => parseKeyFile('a.key.json', text), { code: 'release-key', message: problem });
  });
});

describe('a folder of keys', () => {
  it('decrypts with the passphrases of files, or asks up to three times, and never prints them', async (t) => {
    const folder = temporaryFolder(t);
    const key = makeKey('timestamp');
    const stored = await sealInto(folder, key, REPOSITORY, PASSPHRASE);
    const { path } = stored;
    writeKey(systemDisk, stored);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), [`timestamp-${key.keyId.slice(0, 8)}.key.json`]);
    const known = new KeyRing([folder], REPOSITORY, { known: ['another one', PASSPHRASE], ask: null });
    assert.equal((await known.signers([key.keyId])).length, 1);
    const asked: string[] = [];
    const answers = ['wrong', PASSPHRASE];
    const ask = async (file: string) => {
      asked.push(file);
      return answers.shift() ?? 'still wrong';
    };
    const ring = new KeyRing([folder], REPOSITORY, { known: [], ask });
    assert.equal((await ring.signers([key.keyId, key.keyId])).length, 1);
    assert.deepEqual(asked, [path, path]);
    await assert.rejects(
      new KeyRing([folder], REPOSITORY, { known: [], ask }).signers([key.keyId]),
      (error: Error) => {
        assert.match(error.message, /key\.json: wrong passphrase\. Use the passphrase/);
        assert.doesNotMatch(error.message, /still wrong|horse/);
        return true;
      },
    );
    await assert.rejects(
      new KeyRing([folder], REPOSITORY, { known: [], ask: null }).signers([key.keyId]),
      /a passphrase is needed\. Use --passphrase-file/,
    );
  });

  it('is refused if it does not exist, or has a damaged key file', (t) => {
    const folder = temporaryFolder(t);
    const open = (path: string) => new KeyRing([path], REPOSITORY, { known: [], ask: null });
    assert.throws(() => open(join(folder, 'none')), /--keys .*none: cannot be read/);
    writeFileSync(join(folder, 'x.key.json'), readFileSync('/dev/null'));
    assert.throws(() => open(folder), /x\.key\.json: not a key file/);
  });
});
