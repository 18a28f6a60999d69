import type { Logger } from 'pino';
import { AutoResetEvent } from '../../kit/auto-reset-event.js';
import { orAborted } from '../../kit/deadline.js';
import { deferred } from '../../kit/deferred.js';
import { messageOf, SortbinError } from '../../kit/errors.js';
import { type HealthListener, HealthReporter, type HealthSource } from '../../kit/health.js';
import type { Service } from '../../kit/service.js';
import { type Bundle, loadBundle } from '../inference/bundle/bundle.js';
import type { Vision, VisionInfo } from '../vision/vision.js';

/** A bundle with everything that depends on it. It is exchanged as a whole. */
export interface SlotModel<Policy> {
  readonly bundle: Bundle;
  readonly policy: Policy;
  readonly vision: Vision;
  /** The active runtime. It changes if the runtime fails or recovers. */
  readonly info: VisionInfo;
}

export interface ModelSlotOptions<Policy> {
  /** Folder of the bundle that serves first. */
  readonly folder: string;
  /**
   * Makes the policy of a bundle.
   * @throws SortbinError if the bundle does not fit this bin
   */
  readonly makePolicy: (bundle: Bundle) => Policy;
  /** `isAcceleratorBusy`: both models are for the accelerator, and the active one uses it. Start without it. */
  readonly makeVision: (bundle: Bundle, isAcceleratorBusy: boolean) => Vision;
  readonly log: Logger;
}

/** `model-busy`: another swap or a suspension is running, or an item uses a model that shall be suspended. */
export class ModelSlotError extends SortbinError<'model-busy'> {
  override readonly name = 'ModelSlotError';
}

/** A model with the number of items that use it now. */
interface Occupant<Policy> extends SlotModel<Policy> {
  info: VisionInfo;
  users: number;
  readonly unused: AutoResetEvent;
  isRetired: boolean;
}

/** Codes of a start that may succeed when the present model has freed the accelerator. */
const NEEDS_ACCELERATOR = new Set(['edgetpu-refused', 'no-runtime']);

/** Holds the model that serves now. Another bundle replaces it as a whole, between two items. */
export class ModelSlot<Policy> implements Service, HealthSource {
  readonly name = 'model';
  readonly #health = new HealthReporter();
  readonly #listeners: ((model: SlotModel<Policy>) => void)[] = [];
  /** All that run: the active one, retired ones, a candidate, shadows. */
  readonly #running = new Set<Vision>();
  readonly #closing = new AbortController();
  #active: Occupant<Policy> | null = null;
  /** Whether a swap or a suspension is running. */
  #isBusy = false;
  /** Resolves at the end of a swap without a model in between; null: there is always one. */
  #gap: Promise<void> | null = null;

  constructor(private readonly options: ModelSlotOptions<Policy>) {}

  /** @throws SortbinError if the bundle or the policy is invalid, or no runtime is usable */
  start(signal: AbortSignal): Promise<void> {
    return this.startWith(this.options.folder, signal);
  }

  /** Starts with another bundle. After a failure, it may be tried with the next one. @throws like `start` */
  async startWith(folder: string, signal: AbortSignal): Promise<void> {
    this.#activate(await this.#open(folder, signal));
  }

  /** The model that serves now. @throws Error before `start` */
  get active(): SlotModel<Policy> {
    return this.#occupant();
  }

  /**
   * Runs `work` for one item with the present model, which is not closed before `work` has ended. During a swap without a
   * model in between, the item waits for the new model.
   */
  async use<T>(work: (model: SlotModel<Policy>) => Promise<T>): Promise<T> {
    while (this.#gap) await this.#gap;
    const occupant = this.#occupant();
    occupant.users += 1;
    try {
      return await work(occupant);
    } finally {
      occupant.users -= 1;
      if (occupant.users === 0) occupant.unused.set();
      this.#closeIfUnused(occupant);
    }
  }

  /**
   * Replaces the model. The policy is made first, then the new model starts beside the present one, which serves until
   * the new one is ready. If anything fails, the present model stays.
   *
   * Two processes cannot use one accelerator. The new model starts on the CPU, and moves to the accelerator later. If it
   * cannot run on the CPU, the present model is closed first, and starts again if the new one fails.
   * @throws SortbinError if the bundle or its policy is invalid, no runtime is usable, or another swap is running
   */
  async swap(folder: string, signal: AbortSignal): Promise<SlotModel<Policy>> {
    return this.#exclusively(async (previous) => {
      try {
        return this.#replace(previous, await this.#open(folder, signal));
      } catch (thrown) {
        const mayNeed = thrown instanceof SortbinError && NEEDS_ACCELERATOR.has(thrown.code);
        if (!mayNeed || !usesAccelerator(previous)) throw thrown;
      }
      return this.#swapInGap(previous, folder, signal);
    });
  }

  /**
   * Runs `work` without the vision process of the active model, so that its accelerator is free. Then that model returns,
   * whatever happened. An item that arrives aborts the signal of `work`, and waits for the return.
   * @throws ModelSlotError if an item uses the model, its vision is restarting, or a swap is running
   */
  async suspend<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#exclusively(async ({ vision, users, bundle }) => {
      if (users === 0) return vision.suspend(work);
      throw new ModelSlotError('model-busy', `model ${bundle.folder}: an item uses it. Try again after it.`);
    });
  }

  /**
   * Starts a second model beside the present one, to compare them. The caller closes it with `closeShadow`.
   * @throws SortbinError like `swap`
   */
  shadow(folder: string, signal: AbortSignal): Promise<SlotModel<Policy>> {
    return this.#open(folder, signal);
  }

  closeShadow({ vision }: SlotModel<Policy>): Promise<void> {
    return this.#close(vision);
  }

  /** Calls `listener` when another model or another runtime has become active after `start`. */
  onChange(listener: (model: SlotModel<Policy>) => void): void {
    this.#listeners.push(listener);
  }

  onHealth(listener: HealthListener): void {
    this.#health.onHealth(listener);
  }

  async stop(): Promise<void> {
    this.#closing.abort(new Error('the model slot is closed'));
    await Promise.all([...this.#running].map((vision) => this.#close(vision)));
  }

  async #exclusively<T>(work: (active: Occupant<Policy>) => Promise<T>): Promise<T> {
    const active = this.#occupant();
    if (this.#isBusy)
      throw new ModelSlotError(
        'model-busy',
        `model ${active.bundle.folder}: a swap or a check is running. Try again after it.`,
      );
    this.#isBusy = true;
    try {
      return await work(active);
    } catch (thrown) {
      if (!(thrown instanceof SortbinError) || thrown.code !== 'vision-busy') throw thrown;
      throw new ModelSlotError('model-busy', thrown.message, { cause: thrown });
    } finally {
      this.#isBusy = false;
    }
  }

  /** Closes the present model before the new one starts. Items wait. */
  async #swapInGap(
    previous: Occupant<Policy>,
    folder: string,
    signal: AbortSignal,
  ): Promise<SlotModel<Policy>> {
    const gap = deferred<void>();
    this.#gap = gap.promise;
    try {
      while (previous.users > 0) await previous.unused.wait(signal);
      return await previous.vision.suspend(async () =>
        this.#replace(previous, await this.#open(folder, signal, false)),
      );
    } finally {
      this.#gap = null;
      gap.resolve();
    }
  }

  #replace(previous: Occupant<Policy>, next: Occupant<Policy>): SlotModel<Policy> {
    this.#activate(next);
    previous.isRetired = true;
    this.#closeIfUnused(previous);
    return next;
  }

  async #open(
    folder: string,
    outer: AbortSignal,
    isAcceleratorBusy = this.#active !== null && usesAccelerator(this.#active),
  ): Promise<Occupant<Policy>> {
    const { makePolicy, makeVision } = this.options;
    const signal = AbortSignal.any([outer, this.#closing.signal]);
    const bundle = await orAborted(loadBundle(folder), signal);
    const policy = makePolicy(bundle);
    const vision = makeVision(bundle, isAcceleratorBusy && bundle.manifest.runtimes.edgetpu !== undefined);
    this.#running.add(vision);
    try {
      const info = await vision.start(signal);
      const unused = new AutoResetEvent();
      const occupant = { bundle, policy, vision, info, users: 0, unused, isRetired: false };
      vision.onChange((changed) => {
        occupant.info = changed;
        if (this.#active === occupant) this.#notify(occupant);
      });
      return occupant;
    } catch (error) {
      await this.#close(vision);
      throw error;
    }
  }

  #activate(occupant: Occupant<Policy>): void {
    const isFirst = this.#active === null;
    this.#active = occupant;
    this.#health.set(null);
    occupant.vision.onHealth((fault) => {
      if (this.#active === occupant) this.#health.set(fault);
    });
    if (!isFirst) this.#notify(occupant);
  }

  #notify(model: SlotModel<Policy>): void {
    for (const listener of this.#listeners) listener(model);
  }

  #closeIfUnused({ isRetired, users, vision }: Occupant<Policy>): void {
    if (!isRetired || users > 0) return;
    this.#close(vision).catch((error) =>
      this.options.log.warn({ part: 'vision' }, `a replaced model was not closed: ${messageOf(error)}`),
    );
  }

  async #close(vision: Vision): Promise<void> {
    this.#running.delete(vision);
    await vision.close();
  }

  #occupant(): Occupant<Policy> {
    if (!this.#active) throw new Error('the model slot is not started');
    return this.#active;
  }
}

const usesAccelerator = ({ info }: SlotModel<unknown>): boolean => info.runtime.name === 'edgetpu';
