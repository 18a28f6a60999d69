import type { Logger } from 'pino';
import type { BinEvent } from '../cycle/event.js';
import type { Observer, ServedModel } from '../cycle/observer.js';
import type { Finished, Phase } from '../cycle/state.js';
import type { FillLevel } from '../hardware/fill/fill.js';
import type { Fault } from '../kit/errors.js';

/** A list of observers as one. Each call of each observer is isolated from the others and from the cycle. */
export class ObserverList implements Required<Observer> {
  readonly #failures = new Map<string, number>();

  /** The keys are names for the log. */
  constructor(
    private readonly observers: Readonly<Record<string, Observer>>,
    private readonly log: Logger,
  ) {}

  /** Number of calls that threw, by observer. */
  get failures(): ReadonlyMap<string, number> {
    return this.#failures;
  }

  phase(phase: Phase): void {
    this.#call('phase', (observer) => observer.phase?.(phase));
  }

  health(part: string, fault: Fault | null): void {
    this.#call('health', (observer) => observer.health?.(part, fault));
  }

  event(event: BinEvent, finished?: Finished): void {
    this.#call('event', (observer) => observer.event?.(event, finished));
  }

  fill(level: FillLevel): void {
    this.#call('fill', (observer) => observer.fill?.(level));
  }

  served(model: ServedModel): void {
    this.#call('served', (observer) => observer.served?.(model));
  }

  locked(locked: boolean): void {
    this.#call('locked', (observer) => observer.locked?.(locked));
  }

  dropped(count: number): void {
    this.#call('dropped', (observer) => observer.dropped?.(count));
  }

  undeliverable(count: number): void {
    this.#call('undeliverable', (observer) => observer.undeliverable?.(count));
  }

  unrecorded(count: number): void {
    this.#call('unrecorded', (observer) => observer.unrecorded?.(count));
  }

  #call(method: keyof Observer, call: (observer: Observer) => unknown): void {
    for (const [name, observer] of Object.entries(this.observers)) {
      const failed = (error: unknown) => this.#failed(name, method, error);
      try {
        // An async method is allowed by the compiler. Its rejection must not end the process.
        Promise.resolve(call(observer)).catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  /** Logs the first failure of an observer, then each time their number has doubled. */
  #failed(observer: string, method: string, error: unknown): void {
    const failures = (this.#failures.get(observer) ?? 0) + 1;
    this.#failures.set(observer, failures);
    if (Number.isInteger(Math.log2(failures)))
      this.log.error({ observer, method, failures, err: error }, 'an observer threw an error');
  }
}
