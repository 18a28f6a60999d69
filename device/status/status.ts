import type { BinEvent } from '../cycle/event.js';
import type { FillLevel } from '../hardware/fill/fill.js';
import type { Clock } from '../kit/clock.js';
import type { Fault } from '../kit/errors.js';

/** A fault that is in force. */
export interface RaisedFault extends Fault {
  /** The part of the bin that it concerns. */
  readonly part: string;
  /** UTC. */
  readonly since: string;
}

/** One picture of the bin: what the retained `state` topic and every page show. */
export interface BinState {
  readonly schema: 1;
  readonly at: string;
  readonly cycle: string;
  /** The gate is locked by the service switch. */
  readonly locked: boolean;
  /** The old name of `locked`; the next release removes it. */
  readonly held: boolean;
  readonly lastItem: {
    readonly id: string;
    readonly seq: number;
    readonly at: string;
    readonly outcome: string;
    readonly compartment: string | null;
    readonly label: string | null;
    readonly confidence: number | null;
    readonly reason: string | null;
  } | null;
  readonly faults: readonly RaisedFault[];
  /** Of each compartment that somebody measures. */
  readonly fill: readonly {
    readonly compartment: string;
    readonly percent: number | null;
    readonly full: boolean;
  }[];
  readonly counters: {
    readonly since: string;
    readonly outcomes: Readonly<Record<string, number>>;
    /** Items sorted into each since it was emptied, as far as that was told; else since the start. */
    readonly compartments: Readonly<Record<string, number>>;
    /** When a compartment was last said to be emptied, UTC. */
    readonly emptied: Readonly<Record<string, string>>;
    /** Events that left the outbox unsent, ever, because it was full. */
    readonly dropped: number;
  };
}

/** Gathers what the parts say of themselves. */
export class Status {
  #cycle = 'new';
  #lastItem: BinState['lastItem'] = null;
  readonly #faults = new Map<string, RaisedFault>();
  readonly #outcomes = new Map<string, number>();
  readonly #compartments = new Map<string, number>();
  readonly #emptied = new Map<string, string>();
  readonly #fill = new Map<string, Omit<FillLevel, 'fault'>>();
  readonly #since: string;
  #dropped = 0;
  #locked = false;

  /** `changed` is called after each change of the picture; `settled` cycles come in bursts, so coalesce. */
  constructor(
    private readonly clock: Clock,
    private readonly changed: () => void,
  ) {
    this.#since = this.#now();
  }

  phase(cycle: string): void {
    if (cycle === this.#cycle) return;
    this.#cycle = cycle;
    this.changed();
  }

  /** Whether the gate is locked. */
  locked(locked: boolean): void {
    if (locked === this.#locked) return;
    this.#locked = locked;
    this.changed();
  }

  /** Raises, replaces or (null) clears the fault of a part. Answers whether that changed anything. */
  health(part: string, fault: Fault | null): boolean {
    const before = this.#faults.get(part);
    if (before?.code === fault?.code) return false;
    if (fault) this.#faults.set(part, { part, code: fault.code, message: fault.message, since: this.#now() });
    else this.#faults.delete(part);
    this.changed();
    return true;
  }

  journalled(event: BinEvent): void {
    const { id, seq, at, outcome, decision } = event;
    if (outcome === 'disputed') return;
    if (outcome === 'emptied') {
      this.#empty(event.compartment ?? '', at);
      return;
    }
    this.#lastItem = {
      id,
      seq,
      at,
      outcome,
      compartment: decision?.compartment ?? null,
      label: decision?.label ?? null,
      confidence: decision?.confidence ?? null,
      reason: decision?.reason ?? null,
    };
    count(this.#outcomes, outcome, event.count);
    if (outcome === 'sorted' && decision?.compartment) count(this.#compartments, decision.compartment);
    this.changed();
  }

  /** The level of a compartment. */
  fill({ compartment, percent, full }: FillLevel): void {
    this.#fill.set(compartment, { compartment, percent, full });
    this.changed();
  }

  /** How many events were lost to the bound of the outbox so far. Answers whether there are more than before. */
  dropped(count: number): boolean {
    if (count === this.#dropped) return false;
    this.#dropped = count;
    this.changed();
    return true;
  }

  snapshot(): BinState {
    return {
      schema: 1,
      at: this.#now(),
      cycle: this.#cycle,
      locked: this.#locked,
      held: this.#locked,
      lastItem: this.#lastItem,
      faults: [...this.#faults.values()],
      fill: [...this.#fill.values()],
      counters: {
        since: this.#since,
        outcomes: Object.fromEntries(this.#outcomes),
        compartments: Object.fromEntries(this.#compartments),
        emptied: Object.fromEntries(this.#emptied),
        dropped: this.#dropped,
      },
    };
  }

  #empty(compartment: string, at: string): void {
    this.#compartments.delete(compartment);
    this.#emptied.set(compartment, at);
    this.changed();
  }

  #now(): string {
    return new Date(this.clock.wallMs()).toISOString();
  }
}

const count = (counts: Map<string, number>, key: string, by = 1): void => {
  counts.set(key, (counts.get(key) ?? 0) + by);
};
