import type { Logger } from 'pino';
import { orAborted, sharedController } from '../kit/deadline.js';
import { type Answer, done, failed } from '../kit/errors.js';
import type { HealthListener, HealthSource } from '../kit/health.js';
import type { Service } from '../kit/service.js';
import { type BundleId, textOf } from './bundle-id.js';
import { chooseInstall, isNewerThanActive, isSame, type Offer, offerOf } from './choice.js';
import { entriesOf } from './entries.js';
import { startFirstModel } from './first-model.js';
import type { JobLimits } from './jobs.js';
import { MachineRunner, type RunnerParts } from './machine-runner.js';
import { Poller, type Polling } from './poller.js';
import { Refresher } from './refresher.js';
import type { Catalogue, Repository } from './repository/repository.js';
import { every, type Hours, isWithin } from './schedule.js';
import type { Report, Settings, UpdateCommand } from './state.js';
import {
  type BundleDetails,
  type BundleList,
  statusOf,
  type UpdateFault,
  type UpdateObserver,
  type UpdateStatus,
} from './status.js';
import { UpdateHealth } from './update-health.js';

export interface UpdaterParts extends RunnerParts {
  readonly observer?: UpdateObserver;
  /** Returns a number from 0 to below 1. */
  readonly random?: () => number;
}

export interface UpdaterOptions extends Omit<Settings, 'factory'>, JobLimits {
  /** null: the bin does not poll, and a person installs. */
  readonly polling: Polling | null;
  /** When polls may download and activate; null: always. Outside of them they only refresh the metadata. */
  readonly hours: Hours | null;
}

/** How often the machine checks the time: whether the hours have begun, or a bundle is healthy. */
const TICK_MS = 60_000;
/** Minimum time between two reports of a download's progress. */
const PROGRESS_MS = 500;
/** Brings bundles onto this bin, and takes them back. Start the model by `startModel`, then start this service. */
export class Updater implements Service, HealthSource<UpdateFault> {
  readonly name = 'updates';
  readonly #health = new UpdateHealth();
  readonly #settings: Settings & JobLimits;
  readonly #runner: MachineRunner;
  readonly #refresher: Refresher;
  readonly #poller: Poller | null;
  readonly #stopping = sharedController();
  #isOpen = false;
  #notifiedAtMs = Number.NEGATIVE_INFINITY;
  #cancelNotify = () => {};

  constructor(
    private readonly parts: UpdaterParts,
    private readonly options: UpdaterOptions,
  ) {
    this.#settings = { ...options, factory: parts.store.factory };
    this.#refresher = new Refresher(parts.clock, parts.repository, (fault) =>
      this.#health.set('repository', fault),
    );
    const { clock, random = Math.random } = parts;
    const { polling, hours } = options;
    const isBusy = () => this.#runner.state.job !== null;
    this.#poller = polling && new Poller({ clock, polling, hours, isBusy, random });
    this.#runner = new MachineRunner(parts, this.#settings, () => this.#isAllowed(), {
      changed: () => this.#notify(),
      report: (report) => {
        logReport(parts.log, report, this.#settings.factory);
        this.#health.setAttempt(report);
        if (report.event === 'failed') this.#poller?.failed(report.code);
        parts.observer?.report?.(report);
      },
      diskFault: (source, message) => this.#health.setDisk(source, message),
    });
  }

  /**
   * Starts the first model: the current bundle, else the previous one, else the factory bundle. Counts the start before,
   * so that a bundle that ends the program at its start is left. If the store cannot be read, only the factory bundle.
   * @throws what `open` throws for the last bundle
   */
  async startModel<T>(
    open: (folder: string, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const { store, log } = this.parts;
    const opened = await orAborted(this.#runner.open(), signal);
    this.#isOpen = opened.ok;
    if (!opened.ok) {
      this.#health.setDisk('state', opened.fault.message);
      return open(store.folderOf(null), signal);
    }
    return startFirstModel(this.#runner, { store, log }, open, signal);
  }

  async start(signal: AbortSignal): Promise<void> {
    if (!this.#isOpen) return;
    const stored = await orAborted(this.parts.repository.stored(), signal);
    if (stored.ok && stored.value) {
      this.#refresher.catalogue = stored.value;
      await this.#take(stored.value, false);
    }
    const { clock, log } = this.parts;
    const { signal: stopping } = this.#stopping;
    const loops = [
      every(clock, TICK_MS, stopping, () => this.#runner.take({ type: 'tick' })),
      ...(this.#poller ? [this.#poller.run(stopping, () => this.#pollOnce())] : []),
    ];
    for (const loop of loops)
      loop.catch((thrown) => {
        if (!stopping.aborted)
          log.error({ part: 'update', err: thrown }, 'update: a loop ended unexpectedly');
      });
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('updates were stopped'));
    this.#cancelNotify();
    await this.#runner.stop();
  }

  onHealth(listener: HealthListener<UpdateFault>): void {
    this.#health.onHealth(listener);
  }

  status(): UpdateStatus {
    const { state, progress } = this.#runner;
    const shown = state.job?.kind === 'download' ? progress : null;
    return statusOf(state, this.#settings, shown, {
      available: this.#available(),
      checkedAtMs: this.#refresher.checkedAtMs,
      fault: this.#health.fault,
    });
  }

  /** Returns all bundles that are installed, published or rejected, and the factory bundle. No network. */
  async list(): Promise<Answer<BundleList, UpdateFault>> {
    const slots = await this.parts.store.slots();
    if (!slots.ok) return slots;
    const catalogue = await this.#catalogue();
    const { state } = this.#runner;
    const bundles = entriesOf(state, this.#settings.factory, slots.value, catalogue);
    return done({
      bundles,
      unusable: catalogue?.unusable ?? [],
      fault: this.#health.fault,
      last: state.last,
    });
  }

  /** Returns what is known about a bundle. No network. */
  async show(id: BundleId): Promise<Answer<BundleDetails, UpdateFault>> {
    const list = await this.list();
    if (!list.ok) return list;
    const entry = list.value.bundles.find((one) => isSame(one, id));
    if (!entry) return unknownBundle(id);
    const published = (await this.#catalogue())?.bundles.find((one) => isSame(one, id));
    const files = published?.files.map(({ file, bytes }) => ({ file, bytes })) ?? null;
    const { store } = this.parts;
    const folder = entry.isInstalled ? store.folderOf(entry.isFactory ? null : id) : null;
    return done({ ...entry, folder, files });
  }

  /** Returns what the repository offered at its last check. No network. */
  async offer(): Promise<Offer | null> {
    const catalogue = await this.#catalogue();
    return catalogue && offerOf(this.#runner.state, catalogue, this.#settings);
  }

  #available(): BundleId | null {
    const { catalogue } = this.#refresher;
    const offer = catalogue && offerOf(this.#runner.state, catalogue, this.#settings);
    return offer?.kind === 'next' || offer?.kind === 'ready' ? offer.bundle : null;
  }

  async #catalogue(): Promise<Catalogue | null> {
    const stored = await this.parts.repository.stored();
    return stored.ok ? stored.value : null;
  }

  /** Refreshes the metadata, and applies its revocations. Installs nothing. */
  async check(signal: AbortSignal): Promise<Answer<Catalogue, UpdateFault>> {
    const answer = await this.#refresh(this.parts.repository, signal);
    if (answer.ok) await this.#take(answer.value, false);
    return answer;
  }

  /**
   * Begins to install and activate a bundle, by default the newest one, from the configured repository or from a
   * repository in `folder`. Resolves when the download has begun: `settled` waits for its end. Without an `id`, returns
   * the active bundle if nothing newer is published.
   */
  async install(
    { id, folder }: { readonly id?: BundleId; readonly folder?: string },
    signal: AbortSignal,
  ): Promise<Answer<BundleId, UpdateFault>> {
    const { repository, openFolder } = this.parts;
    const answer = await this.#refresh(folder === undefined ? repository : openFolder(folder), signal);
    if (!answer.ok) return answer;
    const catalogue = answer.value;
    await this.#take(catalogue, false);
    const { name } = this.options;
    const bundle = chooseInstall(catalogue, id ?? null, name);
    if (!bundle) return id ? unknownBundle(id) : failed('update-not-found', `The repository has no ${name}.`);
    // Without a version, a person wants something newer.
    const { state } = this.#runner;
    if (!id && !isNewerThanActive(bundle, state, this.#settings)) return done(this.status().current);
    const answered = await this.#command({ name: 'install', bundle, source: folder ?? null });
    return answered.ok ? done({ name: bundle.name, version: bundle.version }) : answered;
  }

  /** Activates an installed bundle, or the factory bundle. Resolves when it is active or was rejected. */
  activate(bundle: BundleId, signal: AbortSignal): Promise<Answer<BundleId, UpdateFault>> {
    return this.#activateBy({ name: 'activate', bundle }, bundle, signal);
  }

  /** Goes back to the previous bundle, else to the factory bundle. Resolves when it is active. */
  rollback(signal: AbortSignal): Promise<Answer<BundleId, UpdateFault>> {
    return this.#activateBy({ name: 'rollback' }, null, signal);
  }

  /** The bin stays with its bundle, unless that is revoked or fails. */
  pin(): Promise<Answer<void, UpdateFault>> {
    return this.#command({ name: 'pin' });
  }

  unpin(): Promise<Answer<void, UpdateFault>> {
    return this.#command({ name: 'unpin' });
  }

  /** Waits until nothing is downloaded, checked or activated. */
  async settled(signal: AbortSignal): Promise<UpdateStatus> {
    await this.#runner.settled(signal);
    return this.status();
  }

  /** An item was classified by `bundle`, or its runtime failed. Other failures of an item do not count. */
  itemDone(bundle: BundleId, isRuntimeFault: boolean): void {
    if (this.#isOpen) void this.#runner.take({ type: 'item', bundle, isFault: isRuntimeFault });
  }

  async #activateBy(
    command: UpdateCommand,
    wanted: BundleId | null,
    signal: AbortSignal,
  ): Promise<Answer<BundleId, UpdateFault>> {
    const answered = await this.#command(command);
    if (!answered.ok) return answered;
    const { phase, current, candidate, last } = await this.settled(signal);
    if (phase === 'activating')
      return failed('update-rejected', `${textOf(current)}: ${last?.reason ?? ''}. The bin tries again.`);
    if (!wanted || isSame(current, wanted)) return done(current);
    if (phase === 'ready' && isSame(candidate, wanted))
      return failed('update-busy', `${textOf(wanted)} becomes active as soon as the model can be exchanged.`);
    const code = last?.event === 'failed' && isSame(last.bundle, wanted) ? last.code : null;
    return failed(
      (code as UpdateFault | null) ?? 'update-rejected',
      `${textOf(wanted)}: ${last?.reason ?? 'not activated'}`,
    );
  }

  async #take(catalogue: Catalogue, mayInstall: boolean): Promise<void> {
    await this.#runner.take({ type: 'catalogue', catalogue, mayInstall });
    this.#notify(); // What is available may have changed.
  }

  async #command(command: UpdateCommand): Promise<Answer<void, UpdateFault>> {
    return this.#isOpen ? this.#runner.take({ type: 'command', command }) : NOT_OPEN;
  }

  async #refresh(repository: Repository, signal: AbortSignal): Promise<Answer<Catalogue, UpdateFault>> {
    if (!this.#isOpen) return NOT_OPEN;
    return this.#refresher.refresh(repository, AbortSignal.any([signal, this.#stopping.signal]));
  }

  /**
   * Refreshes the metadata, and begins what it offers. Does not wait for its end: a slow download must not delay a
   * revocation. Returns the code of the fault that ended the refresh; null: none.
   */
  async #pollOnce(): Promise<string | null> {
    const answer = await this.#refresh(this.parts.repository, this.#stopping.signal);
    if (!answer.ok) return answer.fault.code;
    await this.#take(answer.value, true);
    // Nothing is to be installed, so that an attempt that failed before does not matter any more.
    if (this.#runner.state.phase.name === 'idle') this.#health.set('attempt', null);
    return null;
  }

  #isAllowed(): boolean {
    return isWithin(this.options.hours, this.parts.clock.wallMs());
  }

  /** Reports each change of the state, and the progress of a download at most twice a second. */
  #notify(): void {
    const { observer, clock } = this.parts;
    if (!observer?.status) return;
    const status = this.status();
    const isProgress = status.progress !== null && status.progress.bytes < status.progress.totalBytes;
    const waitMs = this.#notifiedAtMs + PROGRESS_MS - clock.monotonicMs();
    this.#cancelNotify();
    if (isProgress && waitMs > 0) {
      // A download that stalls then makes no further progress.
      this.#cancelNotify = clock.after(waitMs, () => this.#notify());
      return;
    }
    this.#notifiedAtMs = clock.monotonicMs();
    observer.status(status);
  }
}

const logReport = (log: Logger, { event, bundle, code, reason }: Report, factory: BundleId): void => {
  const level = ['rejected', 'returned', 'failed'].includes(event) ? 'warn' : 'info';
  log[level]({ part: 'update', bundle: textOf(bundle ?? factory), code, reason }, `update: ${event}`);
};

const NOT_OPEN = failed('update-stopped', 'Updates did not start. See the faults of the bin.');

const unknownBundle = (id: BundleId) =>
  failed(
    'update-not-found',
    `${textOf(id)}: not in the repository, and not installed. Run sortbin model list.`,
  );
