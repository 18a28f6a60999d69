import type { BinEvent } from '../cycle/event.js';
import type { Observer } from '../cycle/observer.js';
import type { Fault } from '../kit/errors.js';
import type { HealthSource } from '../kit/health.js';
import type { Status } from '../status/status.js';

/**
 * Collects the health of all parts in the status. Observers receive what is new. A part may have several sources, for
 * example its own `onHealth` and the cycle. It has recovered when none of them reports a fault.
 */
export class HealthHub {
  readonly #faults = new Map<string, Map<string, Fault>>();
  readonly #connected = new Set<string>();

  constructor(
    private readonly status: Pick<Status, 'setFault'>,
    private readonly observer: Required<Pick<Observer, 'health'>>,
  ) {}

  /**
   * Connects a part that reports its own health. `name` tells the sources of one part apart. null: the bin has no such
   * part.
   */
  connect(part: string, source: HealthSource | null, name = part): void {
    const key = `${part} ${name}`;
    if (this.#connected.has(key)) throw new Error(`health of ${part}: give its second source another name`);
    this.#connected.add(key);
    source?.onHealth((fault) => this.report(part, fault, name));
  }

  /** Sets what one source reports about a part. Its own fault is shown, or else the fault that came first. */
  report(part: string, fault: Fault | null, source: string): void {
    const faults = this.#faults.get(part) ?? new Map<string, Fault>();
    this.#faults.set(part, faults);
    if (fault) faults.set(source, fault);
    else faults.delete(source);
    const [first = null] = faults.values();
    const shown = faults.get(part) ?? first;
    if (this.status.setFault(part, shown)) this.observer.health(part, shown);
  }
}

/**
 * Reports an image that cannot be classified as a fault of the camera, until another image is classified. The camera
 * itself has recovered as soon as it gives a frame.
 */
export class PictureHealth implements Observer {
  constructor(private readonly report: (fault: Fault | null) => void) {}

  event({ fault, model }: BinEvent): void {
    if (fault?.code.startsWith('picture-')) this.report(fault);
    else if (model) this.report(null);
  }
}
