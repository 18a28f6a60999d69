import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type ModelStatus, makeUpdateCommands } from '../../device/daemon/update-commands.js';
import { done, failed, SortbinError } from '../../device/kit/errors.js';
import type { BundleId } from '../../device/update/bundle-id.js';
import { until } from '../support/until.js';
import { aBundle, waste12 } from '../support/update/bundles.js';
import { UpdateDisk, UpdaterRun } from '../support/update/updater.js';

/** A bin with the factory bundle 1.0.0, a repository with these versions, and its commands. */
const start = async (t: TestContext, ...versions: string[]) => {
  const disk = new UpdateDisk(t);
  disk.publish(...versions.map((version) => aBundle(version)));
  const run = await UpdaterRun.start(t, disk, { polling: null });
  const trust = {
    trustRoot: async () => failed('update-untrusted', ''),
    trustedRoot: async () => done(null),
  };
  const commands = makeUpdateCommands({
    updater: run.updater,
    trust,
    hasRepository: true,
    hasConfiguredRoot: false,
  });
  const ask = async (name: string, keys: object = {}): Promise<unknown> => {
    const command = commands.find((one) => one.name === `model.${name}`);
    assert.ok(command, name);
    const answer = await command.run(command.schema.parse(keys), {
      source: 'command',
      signal: AbortSignal.timeout(20_000),
    });
    return answer.ok ? answer.value : answer.fault.message;
  };
  /** Returns what a request answers to a person, when it has ended. */
  const answerOf = async (name: string, bundle?: BundleId): Promise<string> => {
    const begun = await ask(name, bundle ? { bundle } : {});
    if (begun !== 'begun') return String(begun);
    let task: ModelStatus['task'] = null;
    let isAsking = false;
    await until(`model.${name} has ended`, () => {
      if (!isAsking) {
        isAsking = true;
        void ask('status').then((status) => {
          task = (status as ModelStatus).task;
          isAsking = false;
        });
      }
      return task !== null && !(task as { isRunning: boolean }).isRunning;
    });
    const { message, fault } = task as unknown as NonNullable<ModelStatus['task']>;
    return message ?? `${fault?.code}: ${fault?.message}`;
  };
  return { disk, run, answerOf };
};

describe('the answer to install', () => {
  it('states whether the newest bundle is active, or was before', async (t) => {
    const { answerOf, disk } = await start(t, '1.1.0');
    assert.equal(await answerOf('install'), 'waste12@1.1.0 is active');
    assert.equal(await answerOf('install'), 'waste12@1.1.0 is active, and nothing newer is published');
    assert.equal(await answerOf('install', waste12('1.1.0')), 'waste12@1.1.0 is active already');
    disk.repository.bundles = [aBundle('1.0.5')];
    assert.equal(await answerOf('install'), 'waste12@1.1.0 is active, and nothing newer is published');
    assert.equal(await answerOf('install', waste12('1.0.5')), 'waste12@1.0.5 is active');
    disk.repository.bundles = [];
    assert.equal(await answerOf('install'), 'update-not-found: The repository has no waste12.');
  });

  it('names the command that activates, if the bin is pinned', async (t) => {
    const { answerOf, run } = await start(t, '1.1.0');
    const pinned = 'pinned: waste12@1.0.0 stays active, unless it is revoked or fails';
    assert.equal(await answerOf('pin'), pinned);
    const installed =
      'waste12@1.1.0 is installed, but not active, because this bin is pinned. Run sortbin model activate waste12@1.1.0.';
    assert.equal(await answerOf('install'), installed);
    assert.equal(await answerOf('install'), installed, 'also if it was installed before');
    assert.equal(
      await answerOf('check'),
      'waste12@1.0.0 is active, and waste12@1.1.0 is installed and ready',
    );
    assert.equal(await answerOf('activate', waste12('1.1.0')), 'waste12@1.1.0 is active');
    assert.equal(run.summary, 'watching 1.1.0, serves 1.1.0');
  });

  it('has the reason of a bundle that did not become active', async (t) => {
    const { answerOf, run, disk } = await start(t, '1.1.0');
    run.gate = async () => failed('check-golden', 'sample 3 differs');
    assert.equal(await answerOf('install'), 'update-rejected: waste12@1.1.0: sample 3 differs');
    run.gate = async () => failed('check-memory', 'needs 300 MB');
    assert.equal(await answerOf('install'), 'check-memory: waste12@1.1.0: needs 300 MB');
    assert.equal(
      await answerOf('check'),
      'waste12@1.0.0 is active, and waste12@1.1.0 is published',
      'a person has asked for it again',
    );
    run.gate = async () => done({ runtimes: [] });
    assert.equal(await answerOf('install', waste12('1.1.0')), 'waste12@1.1.0 is active');
    disk.repository.revoked = ['1.1.0'];
    assert.match(
      await answerOf('install', waste12('1.1.0')),
      /^update-revoked: waste12@1\.1\.0 is revoked\. Choose/,
    );
  });

  it('states that a bundle waits while the model cannot be exchanged', async (t) => {
    const { answerOf, run } = await start(t, '1.1.0');
    run.startOf = async () => {
      throw new SortbinError('model-busy', 'another exchange runs');
    };
    const waits = 'becomes active as soon as the model can be exchanged';
    assert.equal(await answerOf('install'), `waste12@1.1.0 is installed, and ${waits}`);
    assert.equal(await answerOf('activate', waste12('1.1.0')), `update-busy: waste12@1.1.0 ${waits}.`);
  });
});

describe('the answer to activate and rollback', () => {
  it('states what the next poll does', async (t) => {
    const { answerOf } = await start(t, '1.1.0', '1.2.0');
    await answerOf('install', waste12('1.1.0'));
    assert.equal(
      await answerOf('activate', waste12('1.0.0')),
      'waste12@1.0.0 is active. The next poll installs waste12@1.2.0: to prevent it, run sortbin model pin.',
    );
    assert.equal(await answerOf('unpin'), 'not pinned: the next poll installs waste12@1.2.0');
    await answerOf('pin');
    assert.equal(await answerOf('activate', waste12('1.0.0')), 'waste12@1.0.0 is active already');
    assert.equal(
      await answerOf('check'),
      'waste12@1.0.0 is active, and waste12@1.2.0 is published. This bin is pinned, so that polls do not install it.',
    );
    assert.match(
      await answerOf('activate', waste12('1.2.0')),
      /^update-not-installed: .* Install it first\.$/,
    );
  });

  it('names the bundle that a rollback leads to', async (t) => {
    const { answerOf, disk } = await start(t, '1.1.0');
    await answerOf('install');
    assert.equal(await answerOf('rollback'), 'waste12@1.0.0 is active');
    const rejected = 'waste12@1.1.0 is published, but was rejected: see sortbin model list';
    assert.equal(await answerOf('check'), `waste12@1.0.0 is active, and ${rejected}`);
    assert.match(await answerOf('rollback'), /^update-no-previous: The factory bundle is active\./);
    disk.publish(aBundle('1.2.0'));
    disk.repository.isHalted = true;
    assert.equal(
      await answerOf('check'),
      'waste12@1.0.0 is active, and waste12@1.2.0 is published, but its rollout is halted',
    );
  });

  it('is a fault if the model could not be exchanged, and the bin tries again', async (t) => {
    const { answerOf, run } = await start(t, '1.1.0');
    await answerOf('install');
    run.startOf = async () => {
      throw new SortbinError('no-runtime', 'no usable runtime');
    };
    assert.equal(
      await answerOf('rollback'),
      'update-rejected: waste12@1.0.0: no usable runtime. The bin tries again.',
    );
  });
});
