import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Journal } from '../../../device/journal/journal.js';
import { SystemClock } from '../../../device/kit/clock.js';
import type { Repository } from '../../../device/update/repository/repository.js';
import type { RepositoryOptions } from '../../../device/update/repository/tuf-repository.js';
import { aBundle } from '../../support/update/bundles.js';
import { TestRepository } from '../../support/update/test-repository.js';
import { UpdateDisk, UpdaterRun } from '../../support/update/updater.js';

const MODEL_BYTES = 150_000;

/** A signed repository in a folder of the guest. */
export class RepositoryFolder {
  readonly signed = new TestRepository(Date.now());
  readonly #folder = mkdtempSync(join(tmpdir(), 'repository-'));

  /** Adds a bundle whose model has many blocks of a disk. `weightsOf`: the version that has the same model. */
  publish(version: string, weightsOf = version): void {
    const weights = `weights of ${weightsOf} `;
    const { contents } = aBundle(version, { 'model.tflite': weights.repeat(MODEL_BYTES / weights.length) });
    this.signed.add(`waste12/${version}`, Object.fromEntries(contents));
    this.signed.publish();
    this.signed.writeTo(this.#folder);
  }

  /** Returns the options of a client whose metadata is in a data folder. */
  clientOf(dataDir: string): RepositoryOptions {
    const folder = join(dataDir, 'models', 'metadata');
    return { folder, url: pathToFileURL(this.#folder), builtAtMs: 0, clock: new SystemClock() };
  }
}

/** Opens updates as the bin does, with a simulated model. The state of updates is in the journal. */
export const openUpdates = (
  t: TestContext,
  dataDir: string,
  repository: Repository,
  journal: {
    loadState(name: string): ReturnType<Journal['loadState']> | object | null;
    saveState(name: string, state: object): Promise<void> | void;
  },
): Promise<UpdaterRun> =>
  UpdaterRun.open(new UpdateDisk(t, dataDir), {
    polling: null,
    repository,
    states: {
      load: () => journal.loadState('update'),
      save: async (state) => journal.saveState('update', state),
    },
  });
