import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { type Answer, done } from '../../../device/kit/errors.js';
import { SimulatedClock } from '../../../device/kit/simulated-clock.js';
import { textOf } from '../../../device/update/bundle-id.js';
import type { GateReport } from '../../../device/update/gates/gates.js';
import type { StateStore } from '../../../device/update/machine-runner.js';
import type { Repository } from '../../../device/update/repository/repository.js';
import type { Report, State } from '../../../device/update/state.js';
import type { UpdateStatus } from '../../../device/update/status.js';
import type { BundleStore, StoreOptions } from '../../../device/update/store/store.js';
import { Updater, type UpdaterOptions } from '../../../device/update/updater.js';
import { temporaryFolder } from '../journal/journal-folder.js';
import { until } from '../until.js';
import { unwrap } from '../unwrap.js';
import { openStoreIn, type TestBundle } from './bundles.js';
import { SETTINGS } from './machine.js';
import { SimulatedRepository } from './simulated-repository.js';

const { factory: _, ...LIMITS } = SETTINGS;

export const HOUR_MS = 3_600_000;

const OPTIONS: UpdaterOptions = {
  ...LIMITS,
  checkMs: 600_000,
  swapMs: 120_000,
  polling: { intervalMs: 6 * HOUR_MS, firstMs: 60_000, retryMs: 60_000, spreadMs: 0 },
  hours: null,
};

/** What stays when a program ends: the disk, the stored state and the repository. */
export class UpdateDisk {
  readonly folder: string;
  readonly repository = new SimulatedRepository();
  stored: unknown = null;
  canStore = true;

  constructor(t: TestContext, dataDir = join(temporaryFolder(t), 'data')) {
    this.folder = join(dataDir, 'models');
    mkdirSync(dataDir, { recursive: true });
  }

  publish(...bundles: TestBundle[]): void {
    this.repository.bundles.push(...bundles);
  }
}

/** One run of the program: an updater on a disk, with a simulated model, gates and clock. */
export class UpdaterRun {
  readonly clock = new SimulatedClock();
  readonly statuses: UpdateStatus[] = [];
  readonly reports: Report[] = [];
  readonly faults: (string | null)[] = [];
  /** The folder of the model that serves. */
  running = '';
  checked: string[] = [];
  gate: (version: string, signal: AbortSignal) => Promise<Answer<GateReport>> = async () =>
    done({ runtimes: [] });
  /** Throws if the model of a folder does not start. */
  startOf: (folder: string) => Promise<void> = async () => {};

  private constructor(
    readonly disk: UpdateDisk,
    readonly store: BundleStore,
    options: Partial<UpdaterOptions>,
    states: StateStore | undefined,
    repository: Repository,
    random = () => 0.5,
  ) {
    this.updater = new Updater(
      {
        repository,
        openFolder: () => repository,
        store,
        gates: {
          check: (folder, signal) => {
            this.checked.push(versionIn(folder));
            return this.gate(versionIn(folder), signal);
          },
        },
        slot: { swap: (folder) => this.open(folder) },
        states: states ?? {
          load: () => disk.stored,
          save: async (state: State) => {
            if (!disk.canStore) throw new Error('database is full');
            disk.stored = JSON.parse(JSON.stringify(state));
          },
        },
        clock: this.clock,
        log: pino({ level: 'silent' }),
        random,
        observer: {
          status: (status) => this.statuses.push(status),
          report: (report) => this.reports.push(report),
        },
      },
      { ...OPTIONS, ...options },
    );
    this.updater.onHealth((fault) => this.faults.push(fault?.code ?? null));
  }

  readonly updater: Updater;

  static async open(
    disk: UpdateDisk,
    {
      states,
      store,
      repository = disk.repository,
      random,
      ...options
    }: Partial<UpdaterOptions> & {
      readonly states?: StateStore;
      readonly random?: () => number;
      readonly store?: Partial<StoreOptions>;
      /** In place of the simulated one. `poll` needs the simulated one. */
      readonly repository?: Repository;
    } = {},
  ): Promise<UpdaterRun> {
    const opened = await openStoreIn(disk.folder, store);
    return new UpdaterRun(disk, opened, options, states, repository, random);
  }

  /** Opens an updater, starts the model and the polls. It is stopped after the test. */
  static async start(
    t: TestContext,
    disk: UpdateDisk,
    options: Parameters<typeof UpdaterRun.open>[1] = {},
  ): Promise<UpdaterRun> {
    const run = await UpdaterRun.open(disk, options);
    t.after(() => run.updater.stop());
    await run.begin();
    return run;
  }

  async begin(): Promise<void> {
    const { signal } = new AbortController();
    await this.updater.startModel((folder) => this.open(folder), signal);
    await this.updater.start(signal);
  }

  async open(folder: string): Promise<void> {
    await this.startOf(folder);
    this.running = folder;
  }

  /** Lets the next poll happen, and waits for its end. */
  async poll(): Promise<void> {
    const { repository } = this.disk;
    const before = repository.refreshes;
    for (let hour = 0; repository.refreshes === before && hour < 24; hour += 1)
      await this.clock.advance(HOUR_MS);
    await until('the poll has ended', () => repository.refreshes > before);
    await this.settled();
  }

  /** Lets hours pass until the condition is true. The disk has some real time in each of them. */
  async pass(what: string, isTrue: () => boolean): Promise<void> {
    for (let hour = 0; !isTrue(); hour += 1) {
      if (hour === 100) throw new Error(`not true within ${hour} hours: ${what}`);
      await this.clock.advance(HOUR_MS);
      await wait(5);
    }
  }

  async settled(): Promise<UpdateStatus> {
    await this.clock.advance(0);
    return this.updater.settled(AbortSignal.timeout(300_000));
  }

  async items(count: number, isRuntimeFault = false): Promise<void> {
    for (let item = 0; item < count; item += 1)
      this.updater.itemDone(this.updater.status().current, isRuntimeFault);
    // The items are inputs of a queue: another input waits for their end.
    await this.updater.unpin();
    await this.settled();
  }

  /** The phase, the active version, and the version that serves. */
  get summary(): string {
    const { phase, current } = this.updater.status();
    return `${phase} ${current.version}, serves ${versionIn(this.running)}`;
  }

  get rejected(): string[] {
    return this.updater.status().rejected.map((one) => `${textOf(one)} ${one.code}: ${one.reason}`);
  }

  async pointers(): Promise<string> {
    const { current, previous } = unwrap(await this.store.pointers());
    return `${current?.version ?? '-'} ${previous?.version ?? '-'}`;
  }
}

const versionIn = (folder: string): string => folder.split('@')[1] ?? '1.0.0';
