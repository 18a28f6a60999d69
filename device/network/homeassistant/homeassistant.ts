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
  #isAnswering = false;
  #unsubscribe = () => {};

  private constructor(
    private readonly options: HomeAssistantOptions,
    { shown, gone }: Pick<Stored, 'shown' | 'gone'>,
  ) {
    const { prefix, device, journal } = options;
    this.#shown = shown;
    this.#gone = gone;
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
    this.#gone = Object.fromEntries(Object.entries(known).filter(([key]) => !Object.hasOwn(shown, key)));
    this.#shown = shown;
    this.#discovery = discovery;
    this.#save();
    if (!this.#isAnswering) this.#announce(withRemoved(discovery, this.#gone));
  }

  async start(): Promise<void> {
    const { prefix, publisher, isEnabled } = this.options;
    if (!isEnabled && Object.keys(this.#gone).length === 0) return;
    const birth = { absolute: `${prefix}/status` };
    this.#unsubscribe = publisher.subscribe(birth, (message) => this.#onStatus(message));
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stopping.abort(new Error('the bin stops'));
  }

  async #onStatus({ payload, retained }: IncomingMessage): Promise<void> {
    // A retained birth message is older than the subscription. Home Assistant has read what is retained.
    if (retained || this.#isAnswering || Buffer.from(payload).toString() !== 'online') return;
    const { clock, random } = this.options;
    this.#isAnswering = true;
    try {
      await sleep(clock, random() * JITTER_MS, this.#stopping.signal);
      await this.#answerBirth();
    } catch {
      // The bin stops. The next start continues.
    } finally {
      this.#isAnswering = false;
    }
  }

  /** Home Assistant may have lost the device, and has not seen the removal of entities while it was down. */
  async #answerBirth(): Promise<void> {
    const { clock, publisher } = this.options;
    const { signal } = this.#stopping;
    if (!this.#discovery) return;
    const gone = this.#gone;
    if (Object.keys(gone).length === 0) {
      publisher.repeat(this.#topic);
      return;
    }
    publisher.retain(this.#topic, withPlaceholders(this.#discovery, gone, this.options));
    await sleep(clock, STEP_MS, signal);
    this.#announce(withRemoved(this.#discovery, this.#gone));
    await sleep(clock, STEP_MS, signal);
    this.#gone = Object.fromEntries(Object.entries(this.#gone).filter(([key]) => !Object.hasOwn(gone, key)));
    this.#save();
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
