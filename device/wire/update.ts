import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Policy } from '../cycle/policy.js';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import { type Fault, failed, messageOf } from '../kit/errors.js';
import { availableBytes } from '../kit/memory.js';
import { BUILT_AT_MS } from '../kit/root.js';
import { loadManifest } from '../perception/inference/bundle/bundle.js';
import { sha256Of } from '../perception/inference/bundle/files.js';
import type { ModelSlot } from '../perception/model/model.js';
import { isAllowed, type RuntimeOption, runtimeOptions } from '../perception/vision/probe.js';
import { MANIFEST_FILE } from '../update/bundle-id.js';
import { BundleGates } from '../update/gates/gates.js';
import type { Polling } from '../update/poller.js';
import type { Repository, RootOfTrust } from '../update/repository/repository.js';
import { ThreadedRepository } from '../update/repository/threaded-repository.js';
import { type Hours, spreadMsOf } from '../update/schedule.js';
import type { UpdateStatus } from '../update/status.js';
import { BundleStore, STORE_FOLDER, type StoreFault } from '../update/store/store.js';
import { Updater, type UpdaterOptions } from '../update/updater.js';
import type { LoadedConfig } from './loaded-config.js';
import { bundleFolder, policyMaker, visionOptions } from './model.js';

/** Name of the state in the journal. */
const STATE = 'update';

const LIMITS = {
  maxFaults: 3,
  maxAllFaults: 5,
  maxStarts: 3,
  maxAttempts: 3,
  healthyItems: 20,
  healthyMs: 10 * 60_000,
  maxSlots: 4,
  checkMs: 15 * 60_000,
  swapMs: 2 * 60_000,
} as const;
/** The first poll comes within this time after a start. */
const FIRST_POLL_MS = 5 * 60_000;
const RETRY_MS = 60_000;

export interface UpdateContext {
  readonly dataDir: string;
  readonly journal: Pick<Journal, 'loadState' | 'saveState'>;
  readonly model: ModelSlot<Policy>;
  readonly clock: Clock;
}

/** Why a bin has no updates: its store cannot be used. */
export interface UpdatesOff {
  readonly off: Fault<StoreFault>;
  /** Whether someone misses them: a repository is configured, or bundles are installed. */
  readonly areMissed: boolean;
}

export interface WiredUpdates {
  readonly off: null;
  readonly updater: Updater;
  readonly trust: RootOfTrust;
  /** Why the root of the configuration is not trusted; null: it is, or none is configured. */
  readonly rootFault: Fault | null;
  /** Calls `listener` after each change. */
  onStatus(listener: (status: UpdateStatus) => void): void;
  close(): Promise<void>;
}

/**
 * Creates the updater of a bin. Updates are off if the store cannot be opened, for example on a FAT disk. The bin then
 * sorts with its factory bundle. @throws BundleError if that cannot be read
 */
export const wireUpdates = async (
  loaded: LoadedConfig,
  context: UpdateContext,
): Promise<WiredUpdates | UpdatesOff> => {
  const { config, folder, log } = loaded;
  const { dataDir, journal, model, clock } = context;
  const { update } = config;
  const factoryFolder = bundleFolder(loaded);
  const { name, version } = await loadManifest(factoryFolder);
  const manifestSha256 = sha256Of(await readFile(join(factoryFolder, MANIFEST_FILE)));
  const models = join(dataDir, STORE_FOLDER);
  const opened = await BundleStore.open({
    folder: models,
    factory: { folder: factoryFolder, name, version, manifestSha256 },
  });
  if (!opened.ok) {
    const { code, message } = opened.fault;
    const off = { code, message: `update: off, because its folder cannot be used: ${message}` };
    return { off, areMissed: update.url !== null || existsSync(join(models, 'current')) };
  }
  const repository = new ThreadedRepository({
    url: update.url === null ? pathToFileURL(join(models, 'no-repository')) : new URL(update.url),
    folder: join(models, 'metadata'),
    builtAtMs: BUILT_AT_MS,
    clock,
    limits: { maxBytesPerSecond: update.maxBytesPerSecond },
  });
  const rootFault =
    update.root === null ? null : await trustConfigured(repository, resolve(folder, update.root));
  // The owner has named another root than the stored one, so that no repository is trusted until it can be read.
  const trusted = rootFault ? untrusted(rootFault) : repository;
  const listeners: ((status: UpdateStatus) => void)[] = [];
  const updater = new Updater(
    {
      repository: trusted,
      openFolder: (path) => (rootFault ? trusted : repository.at(pathToFileURL(path))),
      store: opened.value,
      gates: makeGates(loaded, model, factoryFolder, clock),
      slot: model,
      states: {
        load: () => journal.loadState(STATE),
        save: (state) => journal.saveState(STATE, state),
      },
      observer: {
        status: (status) => {
          for (const listener of listeners) listener(status);
        },
      },
      clock,
      log,
    },
    optionsOf(update, name),
  );
  return {
    off: null,
    updater,
    trust: rootFault ? unreadable(repository, rootFault) : repository,
    rootFault,
    onStatus: (listener) => listeners.push(listener),
    close: () => repository.close(),
  };
};

const makeGates = (
  { config, folder, log }: LoadedConfig,
  slot: ModelSlot<Policy>,
  factoryFolder: string,
  clock: Clock,
): BundleGates => {
  const { vision, cycle } = config;
  const runtimesFor = (bundle: string): RuntimeOption[] => {
    if (vision.driver === 'simulated') return [];
    const options = { ...visionOptions(vision, folder, bundle), skip: [] };
    return runtimeOptions(options).filter((option) => isAllowed(option, options));
  };
  return new BundleGates({
    makePolicy: policyMaker(config),
    runtimesFor,
    slot,
    factoryFolder,
    startMs: vision.driver === 'simulated' ? 0 : vision.startMs,
    classifyMs: cycle.classifyMs,
    freeBytes: () => availableBytes(),
    clock,
    log,
  });
};

const optionsOf = (
  { url, name, everyMinutes, hours }: LoadedConfig['config']['update'],
  factoryName: string,
): UpdaterOptions => {
  const limits = hoursOf(hours);
  return {
    ...LIMITS,
    name: name ?? factoryName,
    hours: limits,
    polling: url === null ? null : pollingOf(everyMinutes, limits),
  };
};

const hoursOf = (text: string | null): Hours | null => {
  const [from = '', to = ''] = text?.split('-') ?? [];
  return text === null ? null : { from, to };
};

/** Returns how a bin with this configuration polls. */
export const pollingOf = (everyMinutes: number, hours: Hours | null): Polling => {
  const intervalMs = everyMinutes * 60_000;
  return {
    intervalMs,
    firstMs: Math.min(intervalMs, FIRST_POLL_MS),
    retryMs: RETRY_MS,
    spreadMs: spreadMsOf(hours, intervalMs),
  };
};

/** A repository that answers only why it is not trusted. */
const untrusted = ({ message }: Fault): Repository => ({
  refresh: async () => failed('update-untrusted', message),
  stored: async () => failed('update-untrusted', message),
  download: async () => failed('update-untrusted', message),
});

const unreadable = (trust: RootOfTrust, { message }: Fault): RootOfTrust => ({
  trustRoot: (root) => trust.trustRoot(root),
  trustedRoot: async () => failed('update-untrusted', message),
});

/** The owner has chosen this root in the configuration. Without it, the bin sorts, and does not update. */
const trustConfigured = async (repository: ThreadedRepository, file: string): Promise<Fault | null> => {
  try {
    const answer = await repository.trustRoot(await readFile(file, 'utf8'));
    return answer.ok ? null : { ...answer.fault, message: `update.root: ${answer.fault.message}` };
  } catch (thrown) {
    const message = `update.root: ${file}: cannot be read (${messageOf(thrown)}). Check the path.`;
    return { code: 'update-untrusted', message };
  }
};
