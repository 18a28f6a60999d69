import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  makeUpdateCommands,
  refusedCommands,
  type UpdateCommandParts,
} from '../../device/daemon/update-commands.js';
import { untilAborted } from '../../device/kit/deadline.js';
import { deferred } from '../../device/kit/deferred.js';
import { type Answer, done, failed } from '../../device/kit/errors.js';
import type { BundleId } from '../../device/update/bundle-id.js';
import type { TrustedRoot } from '../../device/update/repository/repository.js';
import type { UpdateFault, UpdateStatus } from '../../device/update/status.js';
import { someStatus } from '../support/update/status.js';

const NEW: BundleId = { name: 'waste12', version: '1.4.0' };
const FACTORY: BundleId = { name: 'waste12', version: '1.3.0' };
const ROOT: TrustedRoot = { version: 1, keyIds: ['a', 'b'], threshold: 2, expiresAtMs: 0 };

const statusWith = (current: BundleId, last: UpdateStatus['last'] = null): UpdateStatus =>
  someStatus({ current, isFactory: current === FACTORY, last });

const make = (
  replaced: Partial<UpdateCommandParts['updater']> = {},
  { hasRepository = true, hasConfiguredRoot = false, roots = [] as string[] } = {},
) => {
  const status = statusWith(FACTORY);
  const commands = makeUpdateCommands({
    updater: {
      status: () => status,
      list: async () => done({ bundles: [], unusable: [], fault: null, last: null }),
      show: async () => failed('update-not-found', 'no such bundle'),
      check: async () => failed('update-unreachable', 'no network'),
      install: async () => done(NEW),
      settled: async () => status,
      activate: async () => done(NEW),
      rollback: async () => done(FACTORY),
      pin: async () => done(undefined),
      unpin: async () => done(undefined),
      offer: async () => null,
      ...replaced,
    },
    trust: {
      trustRoot: async (text) => {
        roots.push(text);
        return done(ROOT);
      },
      trustedRoot: async () => done(null),
    },
    hasRepository,
    hasConfiguredRoot,
  });
  return async (name: string, keys: object = {}) => {
    const command = commands.find((one) => one.name === `model.${name}`);
    assert.ok(command, name);
    const request = command.schema.safeParse(keys);
    if (!request.success) return 'invalid request';
    const context = { source: 'command', signal: new AbortController().signal } as const;
    const answer = await command.run(request.data, context);
    await new Promise(setImmediate);
    return answer.ok ? answer.value : answer.fault;
  };
};

const taskOf = async (ask: ReturnType<typeof make>) => ((await ask('status')) as { task: unknown }).task;

describe('the commands for models', () => {
  it('begin what takes long, and the status shows how it ended', async () => {
    const ask = make();
    assert.equal(await taskOf(ask), null);
    assert.equal(await ask('check'), 'begun');
    const fault = { code: 'update-unreachable', message: 'no network' };
    assert.deepEqual(await taskOf(ask), { name: 'check', isRunning: false, message: null, fault });
    assert.equal(await ask('rollback'), 'begun');
    assert.deepEqual(await taskOf(ask), {
      ...{ name: 'rollback', isRunning: false, message: 'waste12@1.3.0 is active already', fault: null },
    });
  });

  it('begin one thing at a time', async () => {
    const installing = deferred<Answer<BundleId, UpdateFault>>();
    const ask = make({ install: () => installing.promise, settled: async () => statusWith(NEW) });
    assert.equal(await ask('install', { bundle: NEW }), 'begun');
    assert.deepEqual(await ask('check'), {
      code: 'control-failed',
      message: 'model.check: model.install is running. Try again later.',
    });
    installing.resolve(done(NEW));
    await new Promise(setImmediate);
    assert.deepEqual(await taskOf(ask), {
      ...{ name: 'install', isRunning: false, message: 'waste12@1.4.0 is active', fault: null },
    });
  });

  it('go back at once while a bundle is installed, whose end is not reported any more', async () => {
    let isAborted = false;
    const installing = (_: unknown, inner: AbortSignal) =>
      untilAborted(inner).finally(() => {
        isAborted = true;
      });
    const ask = make({ install: installing });
    await ask('install', { bundle: NEW });
    assert.equal(await ask('rollback'), 'begun');
    await new Promise(setImmediate);
    assert.ok(isAborted);
    const { name, fault } = (await taskOf(ask)) as { name: string; fault: unknown };
    assert.deepEqual([name, fault], ['rollback', null]);
  });

  it('report a bundle that was installed, but did not become active', async () => {
    const last = { event: 'rejected', bundle: NEW, code: 'check-golden', reason: 'wrong', at: '' } as const;
    const ask = make({ settled: async () => statusWith(FACTORY, last) });
    await ask('install');
    assert.deepEqual(await taskOf(ask), {
      name: 'install',
      isRunning: false,
      message: null,
      fault: { code: 'update-rejected', message: 'waste12@1.4.0: wrong' },
    });
  });

  it('report what ended an installation, if that says nothing about the bundle', async () => {
    const last = { event: 'failed', bundle: NEW, code: 'update-no-space', reason: 'full', at: '' } as const;
    const ask = make({ settled: async () => statusWith(FACTORY, last) });
    await ask('install');
    assert.deepEqual(await taskOf(ask), {
      name: 'install',
      isRunning: false,
      message: null,
      fault: { code: 'update-no-space', message: 'waste12@1.4.0: full' },
    });
  });

  it('need a repository, or a folder', async () => {
    const ask = make({ settled: async () => statusWith(NEW) }, { hasRepository: false });
    await ask('install');
    const task = (await taskOf(ask)) as { fault: { message: string } };
    assert.equal(task.fault.message, 'This bin has no repository. Set update.url.');
    await ask('install', { folder: '/media/usb' });
    assert.equal(((await taskOf(ask)) as { fault: unknown }).fault, null);
  });

  it('refuse names, versions and folders that are not allowed', async () => {
    const ask = make();
    for (const bundle of [{ name: '../etc', version: '1.0.0' }, { name: 'a', version: 'newest' }, {}])
      assert.equal(await ask('activate', { bundle }), 'invalid request');
    for (const version of ['newest', '1.0.0+linux'])
      assert.equal(await ask('show', { bundle: { name: 'waste12', version } }), 'invalid request');
    assert.deepEqual(await ask('show', { bundle: NEW }), {
      code: 'control-failed',
      message: 'no such bundle',
    });
    assert.equal(await ask('install', { folder: 'relative' }), 'invalid request');
    assert.equal(await ask('pin', { now: true }), 'invalid request');
  });

  it('answer with the reason if the store cannot be used, each of them', async () => {
    const usable = makeUpdateCommands({} as UpdateCommandParts).map(({ name }) => name);
    const refused = refusedCommands({ code: 'update-failed', message: 'update: off, because of FAT' });
    assert.deepEqual(refused.map(({ name }) => name).sort(), usable.sort());
    for (const { schema, run } of refused) {
      const request = schema.parse({ bundle: NEW });
      const answer = await run(request, { source: 'command', signal: new AbortController().signal });
      assert.deepEqual(answer, failed('control-failed', 'update: off, because of FAT'));
    }
  });

  it('trust a root, and show it', async () => {
    const roots: string[] = [];
    const ask = make({}, { roots });
    assert.equal(await ask('root'), null);
    assert.deepEqual(await ask('trust', { root: '{}' }), ROOT);
    assert.deepEqual(roots, ['{}']);
  });

  it('trust no root beside the one of the configuration, which the next start would restore', async () => {
    const roots: string[] = [];
    const ask = make({}, { roots, hasConfiguredRoot: true });
    assert.deepEqual(await ask('trust', { root: '{}' }), {
      code: 'control-failed',
      message:
        'update.root: the configuration names the root of trust. Replace its file, then restart the bin.',
    });
    assert.deepEqual(roots, []);
    assert.equal(await ask('root'), null);
  });
});
