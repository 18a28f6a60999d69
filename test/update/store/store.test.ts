import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemFiles } from '../../../device/kit/file-system.js';
import { BundleStore } from '../../../device/update/store/store.js';
import { unwrap } from '../../support/unwrap.js';
import {
  aBundle,
  addBundle,
  FACTORY,
  openStore,
  openStoreIn,
  slotsOf,
  waste12,
} from '../../support/update/bundles.js';

const [V1, V2, V3] = [aBundle('1.1.0'), aBundle('1.2.0'), aBundle('1.3.0')];
const modeOf = (path: string) => statSync(path).mode & 0o777;
const codeOf = (answer: { ok: boolean; fault?: { code: string } }) => answer.fault?.code ?? null;

describe('a slot', () => {
  it('has the files of its bundle, in their folders, read-only', async (t) => {
    const umask = process.umask(0o077);
    t.after(() => process.umask(umask));
    const { store } = await openStore(t);
    await addBundle(store, V1);
    const folder = store.folderOf(V1);
    for (const [file, content] of V1.contents) {
      assert.deepEqual(readFileSync(join(folder, file)), content);
      assert.equal(modeOf(join(folder, file)), 0o444);
    }
    assert.deepEqual([modeOf(folder), modeOf(join(folder, 'golden'))], [0o755, 0o755]);
    unwrap(await store.verify(V1));
  });

  it('is listed with the size of its files, and with the time when it was installed', async (t) => {
    const { store } = await openStore(t);
    await addBundle(store, V1);
    const bytes = V1.files.reduce((sum, file) => sum + file.bytes, 0);
    const folder = store.folderOf(V1);
    const installedAtMs = statSync(folder).mtimeMs;
    await addBundle(store, V2);
    const listed = unwrap(await store.slots()).find(({ version }) => version === '1.1.0');
    const { manifestSha256 } = V1;
    assert.deepEqual(listed, { ...waste12('1.1.0'), manifestSha256, folder, bytes, installedAtMs });
  });

  it('is listed without a content if its manifest is missing or another file', async (t) => {
    const { store } = await openStore(t);
    await addBundle(store, V1);
    await addBundle(store, V2);
    for (const id of [V1, V2]) rmSync(join(store.folderOf(id), 'manifest.json'));
    writeFileSync(join(store.folderOf(V2), 'manifest.json'), '{}');
    assert.deepEqual(
      unwrap(await store.slots()).map(({ manifestSha256 }) => manifestSha256),
      [null, null],
    );
  });

  it('shares its files with other slots, which need not be downloaded', async (t) => {
    const { store } = await openStore(t);
    await addBundle(store, V1);
    const missing = unwrap(await store.missing(V2.files)).map(({ file }) => file);
    assert.deepEqual(missing, ['manifest.json', 'labels.txt', 'model.tflite']);
    await addBundle(store, V2);
    const inode = (id: typeof V1) => statSync(join(store.folderOf(id), 'golden/inputs.bin')).ino;
    assert.equal(inode(V1), inode(V2));
  });

  it('is downloaded with each content once', async (t) => {
    const { store } = await openStore(t);
    const twins = aBundle('1.1.0', { 'a.bin': 'same', 'b.bin': 'same' });
    const missing = unwrap(await store.missing(twins.files)).map(({ file }) => file);
    assert.equal(missing.filter((file) => file.endsWith('.bin') && !file.startsWith('golden')).length, 1);
    await addBundle(store, twins);
    assert.equal(readFileSync(join(store.folderOf(twins), 'b.bin'), 'utf8'), 'same');
  });

  it('may be built again, and is replaced if it has other files', async (t) => {
    const { store } = await openStore(t);
    await addBundle(store, V1);
    await addBundle(store, V1);
    const other = aBundle('1.1.0', { 'more.txt': 'more' });
    await addBundle(store, other);
    assert.equal(readFileSync(join(store.folderOf(V1), 'more.txt'), 'utf8'), 'more');
  });

  it('is not replaced while it is in use', async (t) => {
    const { store } = await openStore(t);
    await addBundle(store, V1);
    unwrap(await store.point({ current: V1, previous: null }));
    await assert.rejects(
      addBundle(store, aBundle('1.1.0', { 'more.txt': 'more' })),
      /update-failed: waste12@1.1.0: in use/,
    );
    assert.ok(!existsSync(join(store.folderOf(V1), 'more.txt')));
  });

  it('has no file outside its folder', async (t) => {
    const { store, folder } = await openStore(t);
    for (const file of ['../escape', '/escape', '.hidden', 'a/../../escape'])
      await assert.rejects(
        addBundle(store, aBundle('1.1.0', { [file]: 'text' })),
        /update-file-invalid: .*: not a file name/,
      );
    assert.deepEqual(readdirSync(join(folder, 'slots')), []);
  });

  it('is removed with the files that only it used', async (t) => {
    const { store, folder } = await openStore(t);
    await addBundle(store, V1);
    await addBundle(store, V2);
    unwrap(await store.remove(V1));
    unwrap(await store.removeUnused());
    assert.deepEqual(await slotsOf(store), ['waste12@1.2.0']);
    assert.deepEqual(
      readdirSync(join(folder, 'objects')).sort(),
      V2.files.map(({ sha256 }) => sha256).sort(),
    );
    unwrap(await store.remove(waste12('9.9.9')));
  });

  it('is not removed while it is current or previous', async (t) => {
    const { store } = await openStore(t);
    for (const bundle of [V1, V2]) await addBundle(store, bundle);
    unwrap(await store.point({ current: V2, previous: V1 }));
    assert.deepEqual([await store.remove(V1), await store.remove(V2)].map(codeOf), [
      'update-failed',
      'update-failed',
    ]);
    assert.deepEqual(await slotsOf(store), ['waste12@1.1.0', 'waste12@1.2.0']);
  });
});

describe('a file of the store', () => {
  it('is refused and removed if it differs from its sha256 or length', async (t) => {
    const { store } = await openStore(t);
    const [target] = V1.files;
    assert.ok(target);
    for (const content of ['{ "version": "6.6.6" }', 'short', '']) {
      writeFileSync(store.partPath(target.sha256), content);
      assert.equal(codeOf(await store.addPart(target)), 'update-file-invalid');
      assert.ok(!existsSync(store.partPath(target.sha256)));
    }
    assert.equal(codeOf(await store.addPart(target)), 'update-file-invalid');
    assert.equal(unwrap(await store.missing(V1.files)).length, 4);
  });

  it('is downloaded again if it is damaged, and the slot is built again', async (t) => {
    const { store } = await openStore(t);
    await addBundle(store, V1);
    const damaged = join(store.folderOf(V1), 'model.tflite');
    chmodSync(damaged, 0o644);
    writeFileSync(damaged, 'weights of 6.6.6'.repeat(100));
    const verified = await store.verify(V1);
    assert.equal(codeOf(verified), 'update-file-invalid');
    assert.deepEqual(
      unwrap(await store.missing(V1.files)).map(({ file }) => file),
      ['model.tflite'],
    );
    await addBundle(store, V1);
    unwrap(await store.verify(V1));
    assert.deepEqual(readFileSync(damaged), V1.contents.get('model.tflite'));
  });

  it('may be replaced by a folder or removed by others, and the slot is still verified', async (t) => {
    const { store, folder } = await openStore(t);
    await addBundle(store, V1);
    rmSync(join(folder, 'objects', V1.files[2]?.sha256 ?? ''));
    assert.equal(codeOf(await store.verify(V1)), 'update-file-invalid');
    await addBundle(store, V1);
    unwrap(await store.verify(V1));
  });
});

describe('the pointers', () => {
  it('show the factory bundle in a new store', async (t) => {
    const { store } = await openStore(t);
    assert.deepEqual(unwrap(await store.pointers()), { current: null, previous: null });
    assert.equal(store.folderOf(null), '/factory');
    assert.deepEqual(store.factory, FACTORY);
  });

  it('are links that are switched, and removed', async (t) => {
    const { store, folder } = await openStore(t);
    for (const bundle of [V1, V2]) await addBundle(store, bundle);
    unwrap(await store.point({ current: V2, previous: V1 }));
    assert.equal(readlinkSync(join(folder, 'current')), 'slots/waste12@1.2.0');
    assert.deepEqual(unwrap(await store.pointers()), {
      current: waste12('1.2.0'),
      previous: waste12('1.1.0'),
    });
    unwrap(await store.point({ current: V1, previous: null }));
    assert.deepEqual(unwrap(await store.pointers()), { current: waste12('1.1.0'), previous: null });
    unwrap(await store.point({ current: null, previous: null }));
    assert.ok(!existsSync(join(folder, 'current')));
  });

  it('are not switched to a slot that does not exist', async (t) => {
    const { store } = await openStore(t);
    await addBundle(store, V1);
    const answer = await store.point({ current: V1, previous: V2 });
    assert.equal(codeOf(answer), 'update-failed');
    assert.deepEqual(unwrap(await store.pointers()), { current: null, previous: null });
  });

  it('that a copy has replaced by folders or files are removed when the store is opened', async (t) => {
    const { store, folder } = await openStore(t);
    await addBundle(store, V1);
    mkdirSync(join(folder, 'current', 'golden'), { recursive: true });
    writeFileSync(join(folder, 'current', 'golden', 'inputs.bin'), 'copy');
    writeFileSync(join(folder, 'previous'), 'copy');
    const again = await openStoreIn(folder);
    assert.deepEqual(unwrap(await again.pointers()), { current: null, previous: null });
    unwrap(await again.point({ current: V1, previous: null }));
    assert.equal(unwrap(await again.pointers()).current?.version, V1.version);
    assert.ok((await again.verify(V1)).ok);
  });

  it('are never replaced if they are not links', async (t) => {
    const { store, folder } = await openStore(t);
    await addBundle(store, V1);
    mkdirSync(join(folder, 'current'));
    const answer = await store.point({ current: V1, previous: null });
    assert.match(answer.ok ? '' : answer.fault.message, /current: not a symbolic link. Remove it.$/);
    assert.ok(lstatSync(join(folder, 'current')).isDirectory());
    assert.deepEqual(unwrap(await store.pointers()), { current: null, previous: null });
  });
});

describe('space', () => {
  it('is made by removing the oldest slots, but never those in use', async (t) => {
    let free = 0;
    const slots = () => readdirSync(join(folder, 'slots')).length;
    const { store, folder } = await openStore(t, {
      reserveBytes: 4_000,
      freeBytes: async () => free + (4 - slots()) * 1_000,
    });
    for (const version of ['1.10.0', '1.9.0', '1.1.0', '1.2.0']) await addBundle(store, aBundle(version));
    unwrap(await store.point({ current: waste12('1.2.0'), previous: waste12('1.1.0') }));
    const next = aBundle('1.11.0');
    const missing = unwrap(await store.missing(next.files));
    free = 8_000;
    unwrap(await store.makeRoom(next.files, missing));
    assert.equal((await slotsOf(store)).length, 4);
    free = 100;
    const answer = await store.makeRoom(next.files, missing);
    assert.equal(codeOf(answer), 'update-no-space');
    assert.equal((await slotsOf(store)).length, 4, 'none is removed if that does not suffice');
    const bytes = missing.reduce((sum, content) => sum + content.bytes, 0);
    free = bytes + 4_000 - 2_000;
    unwrap(await store.makeRoom(next.files, missing));
    assert.deepEqual(await slotsOf(store), ['waste12@1.1.0', 'waste12@1.2.0']);
    const golden = next.files.find(({ file }) => file === 'golden/inputs.bin')?.sha256 ?? '';
    assert.ok(existsSync(join(folder, 'objects', golden)), 'a file of the next bundle stays');
  });

  it('is made by removing as few slots as needed', async (t) => {
    const { store, folder } = await openStore(t, {
      reserveBytes: 0,
      freeBytes: async () => (existsSync(join(folder, 'slots', 'waste12@1.1.0')) ? 0 : 1e6),
    });
    for (const bundle of [V1, V2]) await addBundle(store, bundle);
    unwrap(await store.makeRoom(V3.files, unwrap(await store.missing(V3.files))));
    assert.deepEqual(await slotsOf(store), ['waste12@1.2.0']);
  });

  it('counts what an earlier download has left, and part files of other bundles are removed', async (t) => {
    let free = 0;
    const { store, folder } = await openStore(t, { reserveBytes: 0, freeBytes: async () => free });
    const missing = unwrap(await store.missing(V1.files));
    const model = missing.find(({ file }) => file === 'model.tflite');
    assert.ok(model);
    writeFileSync(store.partPath(model.sha256), V1.contents.get('model.tflite')?.subarray(0, 1_000) ?? '');
    writeFileSync(store.partPath(V2.files[0]?.sha256 ?? ''), 'part');
    free = missing.reduce((sum, { bytes }) => sum + bytes, 0) - 1_000;
    unwrap(await store.makeRoom(V1.files, missing));
    assert.deepEqual(readdirSync(join(folder, 'part')), [model.sha256]);
  });

  it('is reported as full if the disk is', async (t) => {
    const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
    const files = { ...systemFiles, rename: () => Promise.reject(full) };
    const { store } = await openStore(t, { files });
    await assert.rejects(addBundle(store, V1), /update-no-space: .*the disk is full/);
  });
});

describe('an opened store', () => {
  it('removes what a kill has left, and keeps part files and entries of others', async (t) => {
    const { store, folder } = await openStore(t);
    await addBundle(store, V1);
    for (const name of ['.new-waste12@1.2.0/golden', '.old-waste12@1.0.0'])
      mkdirSync(join(folder, 'slots', name), { recursive: true });
    writeFileSync(join(folder, 'slots/.new-waste12@1.2.0/golden/inputs.bin'), 'half');
    mkdirSync(join(folder, 'slots/lost+found'));
    symlinkSync('/', join(folder, 'slots/waste12@1.7.0'));
    symlinkSync('slots/waste12@1.6.0', join(folder, 'current'));
    symlinkSync('slots/waste12@1.1.0', join(folder, 'previous'));
    symlinkSync('slots/waste12@1.1.0', join(folder, '.current.new'));
    writeFileSync(store.partPath(V2.files[0]?.sha256 ?? ''), 'half');
    const opened = await openStoreIn(folder);
    assert.deepEqual(readdirSync(join(folder, 'slots')).sort(), [
      'lost+found',
      'waste12@1.1.0',
      'waste12@1.7.0',
    ]);
    assert.deepEqual(await slotsOf(opened), ['waste12@1.1.0']);
    assert.deepEqual(unwrap(await opened.pointers()), { current: null, previous: waste12('1.1.0') });
    assert.deepEqual(readdirSync(folder).sort(), ['objects', 'part', 'previous', 'slots']);
    assert.equal(readdirSync(join(folder, 'part')).length, 1);
  });

  it('never follows a pointer out of the store', async (t) => {
    const { folder } = await openStore(t);
    for (const target of ['/', '..', 'slots/../..', 'slots/..', 'slots', 'slots/a@b', 'objects']) {
      rmSync(join(folder, 'current'), { force: true });
      symlinkSync(target, join(folder, 'current'));
      const opened = await openStoreIn(folder);
      assert.deepEqual(unwrap(await opened.pointers()), { current: null, previous: null }, target);
    }
  });

  it('refuses a file system without links', async (t) => {
    const noLinks = Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
    for (const method of ['link', 'symlink'] as const)
      await assert.rejects(
        openStore(t, { files: { ...systemFiles, [method]: () => Promise.reject(noLinks) } }),
        /update-failed: .*models: this file system has no links \(EPERM\). Use a disk with ext4, for example\./,
      );
  });

  it('reports a folder that cannot be made', async (t) => {
    const { folder } = await openStore(t);
    writeFileSync(join(folder, 'file'), '');
    const answer = await BundleStore.open({
      folder: join(folder, 'file', 'models'),
      factory: { ...FACTORY, folder: '/factory' },
    });
    assert.equal(codeOf(answer), 'update-failed');
  });
});
