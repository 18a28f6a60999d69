import type { Config } from '../config/schema.js';
import type { Observer, ServedModel } from '../cycle/observer.js';
import type { Journal } from '../journal/journal.js';
import { packageVersion } from '../kit/root.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import { type Capabilities, type InfoMessage, infoOf } from '../status/info.js';
import { digestOf } from '../wire/loaded-config.js';
import type { BinParts } from './bin-parts.js';

/** Returns what a bin has beside its model and its gate. */
export const capabilitiesOf = (
  { hardware, updates }: BinParts,
  { trigger, update, mqtt }: Config,
): Capabilities => ({
  fill: hardware.fillParts?.fill.levels().map(({ compartment }) => compartment) ?? [],
  trigger: trigger.driver === 'command',
  updates: updates.off === null && update.url !== null,
  image: mqtt.image,
});

/** Notifies the publisher of new events, and publishes the identity of the bin. */
export class PublisherObserver implements Observer {
  constructor(
    private readonly publisher: Publisher,
    private readonly config: Config,
    private readonly capabilities: Capabilities,
    /** Called with each new identity. */
    private readonly onInfo: (info: InfoMessage) => void,
  ) {}

  event(): void {
    this.publisher.notify();
  }

  served({ info, labels, policy }: ServedModel): void {
    const { bin, trigger, camera, gate, mqtt } = this.config;
    const payload = infoOf({
      bin,
      sortbin: packageVersion(),
      labels,
      policy,
      active: info,
      drivers: { trigger: trigger.driver, camera: camera.driver, gate: gate.driver },
      capabilities: this.capabilities,
      commands: mqtt.commands,
      config: digestOf(this.config),
    });
    this.publisher.retain('info', payload);
    this.onInfo(payload);
  }
}

/** What an OutboxObserver reports: the events that left the outbox unsent so far, and those that are undeliverable. */
export interface OutboxListener {
  dropped(count: number): void;
  undeliverable(count: number): void;
}

/** Checks after each event whether the full outbox has dropped some, and how many events are undeliverable. */
export class OutboxObserver implements Observer {
  #dropped: number;

  constructor(
    private readonly journal: Pick<Journal, 'counters'>,
    /** The number of events that were dropped before. */
    dropped: number,
    private readonly listener: OutboxListener,
  ) {
    this.#dropped = dropped;
  }

  event(): void {
    this.check();
  }

  check(): void {
    void this.journal.counters().then(
      ({ dropped, undeliverable }) => {
        if (dropped > this.#dropped) this.listener.dropped(dropped);
        this.#dropped = dropped;
        this.listener.undeliverable(undeliverable);
      },
      () => {}, // The journal is down: the cycle has reported that.
    );
  }
}
