import type { Logger } from 'pino';
import { orAborted } from '../../kit/deadline.js';
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
  readonly makeVision: (bundle: Bundle) => Vision;
  readonly log: Logger;
}

/** `model-busy`: another swap is running. */
export class ModelSlotError extends SortbinError<'model-busy'> {
  override readonly name = 'ModelSlotError';
}

/** A model with the number of items that use it now. */
interface Occupant<Policy> extends SlotModel<Policy> {
  info: VisionInfo;
  users: number;
  isRetired: boolean;
}

/** Holds the model that serves now. Another bundle replaces it as a whole, between two items. */
export class ModelSlot<Policy> implements Service, HealthSource {
  readonly name = 'model';
  readonly #health = new HealthReporter();
  readonly #listeners: ((model: SlotModel<Policy>) => void)[] = [];
  /** All that run: the active one, retired ones, a candidate, shadows. */
  readonly #running = new Set<Vision>();
  readonly #closing = new AbortController();
  #active: Occupant<Policy> | null = null;
  #isSwapping = false;

  constructor(private readonly options: ModelSlotOptions<Policy>) {}

  /** @throws SortbinError if the bundle or the policy is invalid, or no runtime is usable */
  async start(signal: AbortSignal): Promise<void> {
    this.#activate(await this.#open(this.options.folder, signal));
  }

  /** The model that serves now. @throws Error before `start` */
  get active(): SlotModel<Policy> {
    return this.#occupant();
  }

  /** Runs `work` for one item with the present model, which is not closed before `work` has ended. */
  async use<T>(work: (model: SlotModel<Policy>) => Promise<T>): Promise<T> {
    const occupant = this.#occupant();
    occupant.users += 1;
    try {
      return await work(occupant);
    } finally {
      occupant.users -= 1;
      this.#closeIfUnused(occupant);
    }
  }

  /**
   * Replaces the model. The policy is made first, then the new model starts beside the present one, which serves until
   * the new one is ready. If anything fails, the present model stays.
   * @throws SortbinError if the bundle or its policy is invalid, no runtime is usable, or another swap is running
   */
  async swap(folder: string, signal: AbortSignal): Promise<SlotModel<Policy>> {
    const previous = this.#occupant();
    if (this.#isSwapping)
      throw new ModelSlotError('model-busy', `model ${folder}: another swap is running. Try again after it.`);
    this.#isSwapping = true;
    try {
      const next = await this.#open(folder, signal);
      this.#activate(next);
      previous.isRetired = true;
      this.#closeIfUnused(previous);
      return next;
    } finally {
      this.#isSwapping = false;
    }
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

  async #open(folder: string, outer: AbortSignal): Promise<Occupant<Policy>> {
    const { makePolicy, makeVision } = this.options;
    const signal = AbortSignal.any([outer, this.#closing.signal]);
    const bundle = await orAborted(loadBundle(folder), signal);
    const policy = makePolicy(bundle);
    const vision = makeVision(bundle);
    this.#running.add(vision);
    try {
      const info = await vision.start(signal);
      const occupant = { bundle, policy, vision, info, users: 0, isRetired: false };
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
