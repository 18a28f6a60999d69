import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SystemClock } from '../../../device/kit/clock.js';
import { BundleGates } from '../../../device/update/gates/gates.js';
import { TufRepository } from '../../../device/update/repository/tuf-repository.js';
import { BundleStore } from '../../../device/update/store/store.js';
import { Updater } from '../../../device/update/updater.js';
import { quiet } from '../bin.js';
import { unwrap } from '../unwrap.js';
import { SETTINGS } from './machine.js';

const FACTORY = { name: 'waste12', version: '1.0.0', manifestSha256: null, folder: '/factory' };
const { signal } = new AbortController();

/** An updater with the real client, store and gates, for bundles named `waste12`. It has no bin, and no vision. */
export class LoneUpdater {
  #active = FACTORY.folder;

  private constructor(private readonly updater: Updater) {}

  static async start(folder: string, url: URL, rootJson: string): Promise<LoneUpdater> {
    await mkdir(folder, { recursive: true });
    const clock = new SystemClock();
    const repository = new TufRepository({
      folder: join(folder, 'metadata'),
      url,
      builtAtMs: Date.now(),
      clock,
    });
    unwrap(await repository.trustRoot(rootJson));
    const store = unwrap(await BundleStore.open({ folder: join(folder, 'models'), factory: FACTORY }));
    let lone: LoneUpdater | null = null;
    let stored: unknown = null;
    const updater = new Updater(
      {
        repository,
        openFolder: () => repository,
        store,
        gates: new BundleGates({
          makePolicy: () => {},
          runtimesFor: () => [],
          slot: { active: null as never, suspend: () => Promise.reject(new Error('no vision')) },
          factoryFolder: FACTORY.folder,
          startMs: 0,
          classifyMs: 0,
          freeBytes: () => Number.POSITIVE_INFINITY,
          clock,
          log: quiet,
        }),
        slot: { swap: async (active) => lone?.open(active) },
        states: {
          load: () => stored,
          save: async (state) => {
            stored = state;
          },
        },
        clock,
        log: quiet,
      },
      { ...SETTINGS, checkMs: 60_000, swapMs: 60_000, polling: null, hours: null },
    );
    lone = new LoneUpdater(updater);
    await updater.startModel(async () => {}, signal);
    await updater.start(signal);
    return lone;
  }

  /** The folder of the active bundle; null: the factory bundle. */
  get activeFolder(): string | null {
    return this.#active === FACTORY.folder ? null : this.#active;
  }

  async check(): Promise<void> {
    unwrap(await this.updater.check(signal));
  }

  /** Tries to install a version. Returns the code of what ended that, or `active`. */
  async install(version: string): Promise<string> {
    const begun = await this.updater.install({ id: { name: FACTORY.name, version } }, signal);
    if (!begun.ok) return begun.fault.code;
    const { current, last } = await this.updater.settled(signal);
    return current.version === version ? 'active' : (last?.code ?? 'none');
  }

  async close(): Promise<void> {
    await this.updater.stop();
  }

  open(folder: string): void {
    this.#active = folder;
  }
}
