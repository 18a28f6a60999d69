import type { Logger } from 'pino';
import { z } from 'zod';
import type { Journal } from '../../journal/journal.js';
import type { Clock } from '../../kit/clock.js';
import { sleep } from '../../kit/deadline.js';
import { LatestWriter } from '../../kit/latest-writer.js';
import type { Service } from '../../kit/service.js';
import type { IncomingMessage, Publisher } from '../mqtt/mqtt.js';
import {
  type Discovery,
  type DiscoveryInfo,
  type DiscoveryNames,
  discoveryOf,
  type Platforms,
  platformsOf,
  withPlaceholders,
  withRemoved,
} from './discovery.js';

export interface HomeAssistantOptions extends DiscoveryNames {
  /** Whether the bin announces itself. If not, what it announced before is removed. */
  readonly isEnabled: boolean;
  /** First level of Home Assistant's discovery topics. */
  readonly prefix: string;
  readonly publisher: Pick<Publisher, 'retain' | 'repeat' | 'subscribe'>;
  readonly journal: Pick<Journal, 'saveState' | 'loadState'>;
  readonly clock: Clock;
  /** Returns a number from 0 to below 1. */
  readonly random: () => number;
  readonly log: Logger;
}

/** Name of the stored state. */
const NAME = 'home-assistant';
/** Many bins receive the birth message at the same time. */
const JITTER_MS = 5_000;
/** Time that Home Assistant gets for a payload before the next one. */
const STEP_MS = 3_000;

const platforms = z.record(
  z.string(),
  z.enum(['sensor', 'binary_sensor', 'event', 'update', 'button', 'image']),
);
const storedSchema = z.object({ device: z.string(), shown: platforms, gone: platforms });
type Stored = z.infer<typeof storedSchema>;

const isEmpty = (platforms: Platforms): boolean => Object.keys(platforms).length === 0;

/** Announces the bin to Home Assistant, and removes the entities that it does not have any more. */
export class HomeAssistant implements Service {
  readonly name = 'Home Assistant';
  readonly #stopping = new AbortController();
  readonly #writer: LatestWriter<Stored>;
  readonly #topic: { readonly absolute: string };
  /** Entities of this device that Home Assistant may still have. */
  #gone: Platforms;
  #shown: Platforms;
  #discovery: Discovery | null = null;
  /** What is done now, and what waits for its end. */
  #work: Promise<void> = Promise.resolve();
  #isWorking = false;
  #isBirthWaiting = false;
  /** Whether an earlier run has removed entities without a birth message after that. */
  readonly #hasOldRemovals: boolean;
  #unsubscribe = () => {};

  private constructor(
    private readonly options: HomeAssistantOptions,
    { shown, gone }: Pick<Stored, 'shown' | 'gone'>,
  ) {
    const { prefix, device, journal } = options;
    this.#shown = shown;
    this.#gone = gone;
    this.#hasOldRemovals = !isEmpty(gone);
    this.#topic = { absolute: `${prefix}/device/${device}/config` };
    this.#writer = new LatestWriter((stored) => journal.saveState(NAME, stored));
  }

  /** Reads which entities Home Assistant knows. */
  static async open(options: HomeAssistantOptions): Promise<HomeAssistant> {
    const stored = storedSchema.safeParse(await options.journal.loadState(NAME)).data;
    const known = stored?.device === options.device ? stored : { shown: {}, gone: {} };
    return new HomeAssistant(options, known);
  }

  /** Announces the bin. Call it before the publisher starts, which removes retained messages that are not set. */
  update(info: DiscoveryInfo): void {
    const { isEnabled } = this.options;
    const full = discoveryOf(info, this.options);
    const discovery = isEnabled ? full : { ...full, components: {} };
    const shown = platformsOf(discovery);
    const known = { ...this.#gone, ...this.#shown };
    // Home Assistant logs a warning if an unknown device is removed.
    const hasChange = isEnabled || !isEmpty(this.#shown);
    this.#gone = Object.fromEntries(Object.entries(known).filter(([key]) => !Object.hasOwn(shown, key)));
    this.#shown = shown;
    this.#discovery = discovery;
    this.#save();
    if (hasChange && !this.#isWorking) this.#announce(withRemoved(discovery, this.#gone));
  }

  async start(): Promise<void> {
    const { prefix, publisher, isEnabled } = this.options;
    if (!isEnabled && isEmpty(this.#gone)) return;
    const birth = { absolute: `${prefix}/status` };
    this.#unsubscribe = publisher.subscribe(birth, async (message) => this.#onStatus(message));
    // Home Assistant may have started while the bin was down.
    if (this.#hasOldRemovals) this.#do(() => this.#removeAgain());
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stopping.abort(new Error('the bin stops'));
  }

  #onStatus({ payload, retained }: IncomingMessage): void {
    // A retained birth message is older than the subscription. Home Assistant has read what is retained.
    if (retained || this.#isBirthWaiting || Buffer.from(payload).toString() !== 'online') return;
    const { clock, random } = this.options;
    this.#isBirthWaiting = true;
    this.#do(async () => {
      await sleep(clock, random() * JITTER_MS, this.#stopping.signal);
      this.#isBirthWaiting = false;
      await this.#answerBirth();
    });
  }

  /** Does one thing after the other. */
  #do(work: () => Promise<void>): void {
    const next = async () => {
      this.#isWorking = true;
      try {
        await work();
      } catch {
        // The bin stops. The next start continues.
      } finally {
        this.#isWorking = false;
      }
    };
    this.#work = this.#work.then(next);
  }

  /** Home Assistant may have lost the device, and has not seen the removal of entities while it was down. */
  async #answerBirth(): Promise<void> {
    const { clock, publisher, isEnabled } = this.options;
    const gone = this.#gone;
    if (isEmpty(gone)) {
      publisher.repeat(this.#topic);
      return;
    }
    await this.#removeAgain();
    await sleep(clock, STEP_MS, this.#stopping.signal);
    this.#gone = Object.fromEntries(Object.entries(this.#gone).filter(([key]) => !Object.hasOwn(gone, key)));
    this.#save();
    if (isEnabled && this.#discovery) this.#announce(withRemoved(this.#discovery, this.#gone));
  }

  /** Announces the removed entities, and removes them. */
  async #removeAgain(): Promise<void> {
    const { clock, publisher } = this.options;
    if (!this.#discovery) return;
    publisher.retain(this.#topic, withPlaceholders(this.#discovery, this.#gone, this.options));
    await sleep(clock, STEP_MS, this.#stopping.signal);
    this.#announce(withRemoved(this.#discovery, this.#gone));
  }

  #announce(discovery: Discovery): void {
    const { publisher, isEnabled } = this.options;
    publisher.retain(this.#topic, isEnabled ? discovery : null);
  }

  #save(): void {
    const { device, log } = this.options;
    const stored = { device, shown: this.#shown, gone: this.#gone };
    this.#writer.write(stored).catch((error: unknown) => {
      log.warn({ part: 'broker', err: error }, 'the entities of Home Assistant were not stored');
    });
  }
}
