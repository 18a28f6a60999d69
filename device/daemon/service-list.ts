import type { Logger } from 'pino';
import type { Clock } from '../kit/clock.js';
import { DeadlineExceeded, orAborted } from '../kit/deadline.js';
import { messageOf } from '../kit/errors.js';
import { Resource, type Service } from '../kit/service.js';

export interface ServiceListOptions {
  /** Deadline to stop all services together. */
  readonly stopMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The services of the daemon, in the order of their start. */
export class ServiceList {
  readonly #services: Service[] = [];
  #stopping: Promise<void> | null = null;

  constructor(private readonly options: ServiceListOptions) {}

  /**
   * Starts a service and appends it to the list.
   * @throws what the start throws, or the reason of `signal` as soon as it is aborted. `stop` then stops this service too
   */
  async start<S extends Service>(service: S, signal: AbortSignal): Promise<S> {
    signal.throwIfAborted();
    this.#services.push(service);
    await orAborted(service.start(signal), signal);
    return service;
  }

  /** Opens something that has a `close` method, as a service. @throws like `start` */
  async open<T extends { close(): Promise<void> }>(
    name: string,
    signal: AbortSignal,
    open: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const resource = new Resource(name, open, (value) => value.close());
    return (await this.start(resource, signal)).value;
  }

  /**
   * Stops the services in reverse order, one after the other. When the deadline passes, the rest is stopped without
   * waiting. Never rejects.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { stopMs, clock, log } = this.options;
    const deadline = new AbortController();
    const cancel = clock.after(stopMs, () => deadline.abort(new DeadlineExceeded(stopMs)));
    for (const service of this.#services.reverse()) {
      try {
        await orAborted(service.stop(), deadline.signal);
      } catch (error) {
        log.warn({ service: service.name }, `${service.name}: not stopped: ${messageOf(error)}`);
      }
    }
    cancel();
  }
}
