import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { planAdd } from '../../../device/tools/release/add.js';
import { keyIdsOf, makeMetadata } from '../../../device/tools/release/folder/metadata.js';
import type { Signing } from '../../../device/tools/release/folder/publish.js';
import { makeKey, publicJsonOf } from '../../../device/tools/release/keys/key-file.js';
import { KeyRing } from '../../../device/tools/release/keys/key-ring.js';
import type { Role } from '../../../device/tools/release/release.js';
import { planRotate } from '../../../device/tools/release/rotate.js';
import { planSign, planTimestamp } from '../../../device/tools/release/sign.js';
import { writeFakeBundle } from '../../support/fake-bundle.js';
import { applied, DAY_MS, Repository } from './support.js';
import { TufClient } from './tuf-client.js';

const ROOT_KEYS = /^root-/;
const ONLINE_KEYS = /^(snapshot|timestamp|rollouts)-/;

const rotate = (repository: Repository, role: Role, signing: Signing, replace?: string) => {
  const folder = signing.ring.folders[0] ?? '';
  return planRotate(repository.state, { role, replace, folder, passphrase: async () => null }, signing);
};

/** A client that has seen the first state of the repository. */
const knownClient = async (repository: Repository) => {
  const client = new TufClient(join(repository.base, 'client'), repository.root, repository.folder);
  await client.refresh();
  return client;
};

const versionsOf = ({ state }: Repository) =>
  (['root', 'targets', 'snapshot', 'timestamp', 'rollouts'] as const).map(
    (role) => state[role].signed.version,
  );

/** The version of a role that is signed now. */
const versionNow = ({ nowMs }: Repository) => Math.floor(nowMs / 1000);

describe('the timestamp', () => {
  it('is signed alone, with its time, and expires in 7 days', async (t) => {
    const repository = await Repository.make(t, Date.UTC(2026, 0, 1));
    repository.nowMs += DAY_MS;
    await applied(planTimestamp(repository.state, repository.signing()));
    assert.deepEqual(versionsOf(repository), [1, 1, 1, versionNow(repository), 1]);
    const { signed } = repository.state.timestamp;
    assert.equal(signed.expires, '2026-01-09T00:00:00Z');
    assert.equal(signed.unrecognizedFields['x-signed-at'], '2026-01-02T00:00:00Z');
  });

  it('takes snapshot and rollouts with it after half of their lifetime, if their keys are given', async (t) => {
    const repository = await Repository.make(t, Date.UTC(2026, 0, 1));
    const others = join(repository.base, 'others');
    repository.nowMs += 16 * DAY_MS;
    repository.moveKeys(others, /^(rollouts|snapshot)-/);
    await applied(planTimestamp(repository.state, repository.signing()));
    const now = versionNow(repository);
    assert.deepEqual(versionsOf(repository), [1, 1, 1, now, 1]);
    await applied(planTimestamp(repository.state, repository.signing(repository.keys, others)));
    assert.deepEqual(versionsOf(repository), [1, 1, now, now + 1, now]);
  });

  it('is not signed with a clock that is before the last signature, or long after it', async (t) => {
    const repository = await Repository.make(t, Date.UTC(2026, 0, 1));
    for (const [nowMs, year] of [
      [Date.UTC(1970, 0, 1), '1970'],
      [Date.UTC(2099, 0, 1), '2099'],
    ] as const) {
      const signing = { ...repository.signing(), nowMs, isClockTrusted: false };
      await assert.rejects(applied(planTimestamp(repository.state, signing)), {
        code: 'release-clock',
        message: new RegExp(`clock of this machine is ${year}.*last signature is of 2026-01-01T00:00:00Z`),
      });
    }
    assert.deepEqual(versionsOf(repository), [1, 1, 1, 1, 1]);
  });

  it('that was signed too late is replaced only together with its key, and clients forget it', async (t) => {
    const repository = await Repository.make(t, Date.now() + 5 * DAY_MS);
    const client = await knownClient(repository);
    repository.nowMs = Date.now();
    await assert.rejects(applied(planTimestamp(repository.state, repository.signing())), {
      code: 'release-clock',
      message: /use two keys of the root: "sortbin release rotate .* timestamp"/,
    });
    await assert.rejects(repository.verify(), { code: 'release-clock' });
    await applied(rotate(repository, 'timestamp', repository.signing()));
    await client.refresh();
    await repository.verify();
  });

  it('is never signed with a number again after a restore from a backup', async (t) => {
    const repository = await Repository.make(t, Date.now() - DAY_MS);
    cpSync(repository.folder, join(repository.base, 'backup'), { recursive: true });
    const client = await knownClient(repository);
    const sign = () => applied(planTimestamp(repository.state, repository.signing()));
    await sign();
    await client.refresh();
    const before = client.version('timestamp');
    rmSync(repository.folder, { recursive: true });
    cpSync(join(repository.base, 'backup'), repository.folder, { recursive: true });
    repository.nowMs += 60_000;
    await sign();
    await client.refresh();
    assert.ok(client.version('timestamp') > before);
  });

  it('is not signed while another command changes the repository, or after that', async (t) => {
    const repository = await Repository.make(t);
    const { state } = repository;
    await applied(planTimestamp(repository.state, repository.signing()));
    await assert.rejects(applied(planTimestamp(state, repository.signing())), {
      code: 'release-busy',
      message: /changed meanwhile\. Run this command again/,
    });
    await assert.rejects(
      Promise.all([1, 2].map(() => applied(planTimestamp(repository.state, repository.signing())))),
      { code: 'release-busy' },
    );
    await repository.verify();
  });
});

describe('signing again', () => {
  it('has nothing to do in the first half of each lifetime', async (t) => {
    const repository = await Repository.make(t);
    const plan = planSign(repository.state, repository.signing());
    assert.deepEqual([plan.apply, plan.unchanged?.lines], [null, ['Nothing was signed.']]);
  });

  it('signs the due roles whose keys are given, and names the others', async (t) => {
    const repository = await Repository.make(t, Date.now() - 200 * DAY_MS);
    const offline = join(repository.base, 'offline');
    repository.moveKeys(offline, /^(root|targets)-/);
    repository.nowMs = Date.now();
    const plan = planSign(repository.state, repository.signing());
    assert.match(plan.steps.join('\n'), /^Sign snapshot again: snapshot expires /m);
    assert.match(plan.steps.join('\n'), /^root expires .* Its key is not in the folders of --keys\.$/m);
    const { json } = await applied(plan);
    assert.deepEqual(json, { signed: ['rollouts', 'snapshot', 'timestamp'], left: ['targets', 'root'] });
    const now = versionNow(repository);
    assert.deepEqual(versionsOf(repository), [1, 1, now, now, now]);
    await applied(planSign(repository.state, repository.signing(repository.keys, offline)));
    assert.deepEqual(versionsOf(repository), [2, now, now + 1, now + 1, now]);
    const { roles } = await repository.verify();
    assert.ok(roles.every(({ isExpiring }) => !isExpiring));
  });

  it('refuses metadata that was changed in the folder, so that no offline key signs it', async (t) => {
    const repository = await Repository.make(t);
    const path = join(repository.folder, 'metadata', '1.targets.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"targets": {}', '"targets": {"evil/1.0.0/manifest.json": {}}'));
    assert.throws(() => repository.state, { code: 'release-invalid', message: /^1\.targets\.json: / });
  });
});

describe('a root that waits', () => {
  /** Writes a root that somebody who can write the folder has made. */
  const stage = (
    repository: Repository,
    change: (signed: ReturnType<typeof Object>) => void,
    signers = 0,
  ) => {
    const part = structuredClone(repository.state.root.signed.toJSON());
    const signed = { ...part, version: 2 };
    change(signed);
    const keys = keyIdsOf(repository.state.root, 'root').slice(0, signers);
    return repository
      .signing()
      .ring.signers(keys)
      .then((found) => {
        mkdirSync(join(repository.folder, 'staged'));
        const staged = JSON.stringify(makeMetadata('root', signed, found).toJSON());
        writeFileSync(join(repository.folder, 'staged', 'root.json'), staged);
      });
  };
  const evil = makeKey('targets');

  it('is refused if no key of the present root has signed it', async (t) => {
    const repository = await Repository.make(t);
    await stage(repository, (signed) => {
      signed.keys[evil.keyId] = publicJsonOf(evil.public);
      signed.roles.targets.keyids = [evil.keyId];
    });
    assert.throws(() => repository.state, {
      code: 'release-invalid',
      message: /staged\/root\.json: no key of the present root has signed it/,
    });
  });

  it('is refused if one stolen key of the root has signed more than an exchange of keys', async (t) => {
    const changes: readonly ((signed: ReturnType<typeof Object>) => void)[] = [
      (signed) => signed.roles.targets.keyids.push(evil.keyId),
      (signed) => {
        signed.roles.root.threshold = 1;
      },
      // Another key behind the id of a known one.
      (signed) => {
        signed.keys[signed.roles.targets.keyids[0]] = publicJsonOf(evil.public);
      },
    ];
    for (const change of changes) {
      const repository = await Repository.make(t);
      await stage(repository, change, 1);
      assert.throws(() => repository.state, { message: /it changes more than keys/ });
    }
  });

  it('is shown to the second signer', async (t) => {
    const repository = await Repository.make(t);
    const [old = ''] = keyIdsOf(repository.state.root, 'targets');
    await stage(
      repository,
      (signed) => {
        signed.keys[evil.keyId] = publicJsonOf(evil.public);
        signed.roles.targets.keyids = [evil.keyId];
        delete signed.keys[old];
      },
      1,
    );
    const lines = planSign(repository.state, repository.signing()).steps;
    const removed = lines.indexOf('  targets: key removed:');
    const shown = ['  targets: key removed:', `    ${old}`, '  targets: key added:', `    ${evil.keyId}`];
    assert.deepEqual(lines.slice(removed, removed + 4), shown);
    assert.ok(lines.every((line) => line.length <= 80));
  });
});

describe('a key', () => {
  it('never signs for a repository with another first root', async (t) => {
    const [mine, foreign] = [await Repository.make(t), await Repository.make(t)];
    const { state } = foreign;
    // The foreign root lists a key of mine, so that it would sign what somebody has put into the folder.
    const [keyId = ''] = keyIdsOf(mine.state.root, 'timestamp');
    const part = state.root.signed.toJSON();
    const roles = { ...Object(part.roles), timestamp: { keyids: [keyId], threshold: 1 } };
    const keys = { ...Object(part.keys), [keyId]: Object(mine.state.root.signed.toJSON().keys)[keyId] };
    const root = makeMetadata('root', { ...part, keys, roles }, []);
    const ring = new KeyRing([mine.keys], state.firstRoot, { known: [], ask: null });
    await assert.rejects(applied(planTimestamp({ ...state, root }, { ...foreign.signing(), ring })), {
      code: 'release-key',
      message: /timestamp-.*: made for another repository, whose 1\.root\.json has another sha256/,
    });
  });
});

/** Gives each root key another folder, and returns the folders. */
const spreadRootKeys = (repository: Repository): string[] =>
  readdirSync(repository.keys)
    .filter((name) => ROOT_KEYS.test(name))
    .map((name, index) => {
      const folder = join(repository.base, `usb-${index + 1}`);
      repository.moveKeys(folder, new RegExp(`^${name.replaceAll('.', '\\.')}$`));
      return folder;
    });

describe('two new keys of the root at once', () => {
  it('never overwrite a published root', async (t) => {
    const repository = await Repository.make(t);
    const ids = keyIdsOf(repository.state.root, 'root');
    const plans = [0, 1].map((index) => rotate(repository, 'root', repository.signing(), ids[index]));
    await applied(plans[0] as (typeof plans)[0]);
    const published = readFileSync(join(repository.folder, 'metadata', '2.root.json'), 'utf8');
    const files = readdirSync(repository.keys);
    await assert.rejects(applied(plans[1] as (typeof plans)[0]), { code: 'release-busy' });
    assert.equal(readFileSync(join(repository.folder, 'metadata', '2.root.json'), 'utf8'), published);
    assert.deepEqual(readdirSync(repository.keys), files);
    await repository.verify();
  });
});

describe('a new key', () => {
  for (const role of ['timestamp', 'snapshot', 'targets', 'rollouts'] as const)
    it(`of the role ${role} is used at once, and known and new clients accept it`, async (t) => {
      const repository = await Repository.make(t);
      const client = await knownClient(repository);
      const delegator = () => (role === 'rollouts' ? repository.state.targets : repository.state.root);
      const [old = ''] = keyIdsOf(delegator(), role);
      const { json } = await applied(rotate(repository, role, repository.signing()));
      assert.equal(json.replaced, old);
      assert.deepEqual(keyIdsOf(delegator(), role), [json.keyId]);
      assert.ok(json.keyId !== old && `${json.keyId}` in repository.state[role].signatures);
      await client.refresh();
      assert.equal(client.version('root'), role === 'rollouts' ? 1 : 2);
      await repository.verify();
      rmSync(join(repository.keys, `${role}-${old.slice(0, 8)}.key.json`));
      repository.nowMs += DAY_MS;
      const bundle = writeFakeBundle(join(repository.base, 'bundle'));
      await applied(planAdd(repository.state, bundle, repository.signing()));
      assert.match(await client.download('fake/1.0.0/labels.txt'), /^paper\nglass\n$/);
    });

  it('of the root is signed by the old and the new keys, and needs the id of the replaced one', async (t) => {
    const repository = await Repository.make(t);
    const client = await knownClient(repository);
    const ids = keyIdsOf(repository.state.root, 'root');
    assert.throws(() => rotate(repository, 'root', repository.signing()), {
      code: 'release-option',
      message: /names several keys of the role root\. Use one of/,
    });
    const lost = ids[0] ?? '';
    rmSync(join(repository.keys, `root-${lost.slice(0, 8)}.key.json`));
    const { json } = await applied(rotate(repository, 'root', repository.signing(), lost.slice(0, 8)));
    assert.deepEqual(keyIdsOf(repository.state.root, 'root'), [json.keyId, ids[1], ids[2]]);
    assert.deepEqual(
      Object.keys(repository.state.root.signatures).sort(),
      [ids[1], ids[2], json.keyId].sort(),
    );
    await client.refresh();
    assert.deepEqual([client.version('root'), client.version('timestamp')], [2, 1]);
  });

  it('waits for the second signature of the root, which another machine adds with one key alone', async (t) => {
    const repository = await Repository.make(t, Date.now() - DAY_MS);
    const client = await knownClient(repository);
    const [first = '', second = ''] = spreadRootKeys(repository);
    const { lines } = await applied(
      rotate(repository, 'timestamp', repository.signing(repository.keys, first)),
    );
    assert.match(lines.join('\n'), /Root 2 has 1 of 2 signatures\. It waits in .*staged/);
    assert.equal(repository.state.root.signed.version, 1);
    await repository.verify();
    assert.throws(() => rotate(repository, 'snapshot', repository.signing()), { code: 'release-staged' });
    repository.nowMs += DAY_MS;
    await applied(planTimestamp(repository.state, repository.signing()));
    await applied(planSign(repository.state, repository.signing(second)));
    assert.deepEqual([repository.state.root.signed.version, repository.state.staged], [2, null]);
    assert.ok(!existsSync(join(repository.folder, 'staged', 'root.json')));
    await client.refresh();
    await repository.verify();
  });

  it('replaces a lost key, also if the run is interrupted between the new timestamp and the new root', async (t) => {
    const repository = await Repository.make(t);
    const client = await knownClient(repository);
    repository.moveKeys(join(repository.base, 'lost'), /^targets-/);
    await applied(rotate(repository, 'targets', repository.signing()));
    await client.refresh();
    const { folder } = repository;
    const root = readFileSync(join(folder, 'metadata', '2.root.json'));
    rmSync(join(folder, 'metadata', '2.root.json'));
    assert.throws(() => repository.state, { code: 'release-invalid' });
    repository.disk.makeFolder(join(folder, 'staged'));
    writeFileSync(join(folder, 'staged', 'root.json'), root);
    await applied(planSign(repository.state, repository.signing()));
    assert.equal(repository.state.root.signed.version, 2);
    await repository.verify();
    await client.refresh();
  });

  it('of the rollouts needs the key of the targets', async (t) => {
    const repository = await Repository.make(t);
    repository.moveKeys(join(repository.base, 'offline'), /^(root|targets)-/);
    await assert.rejects(applied(rotate(repository, 'rollouts', repository.signing())), {
      code: 'release-key',
      message: /^targets: no key file/,
    });
    await repository.verify();
  });

  it('of an online role needs the root, so that a stolen online key cannot replace it', async (t) => {
    const repository = await Repository.make(t);
    const online = join(repository.base, 'online');
    repository.moveKeys(online, ONLINE_KEYS);
    assert.throws(() => rotate(repository, 'timestamp', repository.signing(online)), {
      code: 'release-key',
      message: /^root: no key file in .*online has the key /,
    });
    assert.equal(readdirSync(online).length, 3);
  });
});
