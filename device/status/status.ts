import type { BinEvent } from '../cycle/event.js';
import type { Observer } from '../cycle/observer.js';
import { applyTotals, totalsOf, totalsOfKind } from '../cycle/totals.js';
import type { FillLevel } from '../hardware/fill/fill.js';
import type { Clock } from '../kit/clock.js';
import type { Fault } from '../kit/errors.js';
import type { BinState, RaisedFault } from './bin-state.js';

export type { BinState, RaisedFault } from './bin-state.js';

/** The counters of earlier runs. */
export interface EarlierCounters {
  readonly since: string;
  readonly totals: Readonly<Record<string, number>>;
}

/** Collects the state of the parts. */
export class Status implements Observer {
  #cycle = 'new';
  #lastItem: BinState['lastItem'] = null;
  readonly #faults = new Map<string, RaisedFault>();
  readonly #totals: Map<string, number>;
  readonly #fill = new Map<string, Omit<FillLevel, 'fault'>>();
  readonly #since: string;
  #dropped = 0;
  #undeliverable = 0;
  #unrecorded = 0;
  #locked = false;
  #held = false;

  /** Calls `changed` after each change of the state. Changes arrive in bursts. */
  constructor(
    private readonly clock: Clock,
    private readonly changed: () => void,
    earlier: EarlierCounters | null = null,
  ) {
    this.#since = earlier?.since ?? this.#now();
    this.#totals = new Map(Object.entries(earlier?.totals ?? {}));
  }

  phase(cycle: string): void {
    if (cycle === this.#cycle) return;
    this.#cycle = cycle;
    this.changed();
  }

  /** Records whether the gate is locked. */
  locked(locked: boolean): void {
    if (locked === this.#locked) return;
    this.#locked = locked;
    this.changed();
  }

  /** Records whether a person holds the bin. */
  held(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    this.changed();
  }

  /**
   * Sets the fault of a part; null clears it. Returns whether to announce that: a new fault or a recovery.
   * A fault with the same code and detail is the same fault. Its time stays, and its message is updated.
   */
  setFault(part: string, fault: Fault | null): boolean {
    const before = this.#faults.get(part);
    if (!fault) {
      if (this.#faults.delete(part)) this.changed();
      return before !== undefined;
    }
    const { code, message, detail } = fault;
    const isSame = before?.code === code && before.detail === detail;
    if (isSame && before.message === message) return false;
    const since = isSame ? before.since : this.#now();
    this.#faults.set(part, { part, code, message, ...(detail === undefined ? {} : { detail }), since });
    this.changed();
    return !isSame;
  }

  event(event: BinEvent): void {
    const { id, seq, at, outcome, decision } = event;
    if (outcome === 'disputed') return;
    applyTotals(this.#totals, totalsOf(event));
    if (outcome !== 'emptied')
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
    this.changed();
  }

  /** Records the fill level of a compartment. */
  fill({ compartment, percent, full }: FillLevel): void {
    this.#fill.set(compartment, { compartment, percent, full });
    this.changed();
  }

  /** Records the total of events dropped from a full outbox. */
  dropped(count: number): void {
    if (count === this.#dropped) return;
    this.#dropped = count;
    this.changed();
  }

  /** Records the number of events in the outbox that the broker has refused for good. */
  undeliverable(count: number): void {
    if (count === this.#undeliverable) return;
    this.#undeliverable = count;
    this.changed();
  }

  /** Records the total of events that could not be recorded. */
  unrecorded(count: number): void {
    if (count === this.#unrecorded) return;
    this.#unrecorded = count;
    this.changed();
  }

  snapshot(): BinState {
    return {
      schema: 1,
      at: this.#now(),
      cycle: this.#cycle,
      locked: this.#locked,
      held: this.#held,
      lastItem: this.#lastItem,
      faults: [...this.#faults.values()],
      fill: [...this.#fill.values()],
      counters: {
        since: this.#since,
        outcomes: totalsOfKind(this.#totals, 'outcome'),
        compartments: totalsOfKind(this.#totals, 'compartment'),
        labels: totalsOfKind(this.#totals, 'label'),
        reasons: totalsOfKind(this.#totals, 'reason'),
        emptied: this.#emptied(),
        dropped: this.#dropped,
        undeliverable: this.#undeliverable,
        unrecorded: this.#unrecorded,
      },
    };
  }

  #emptied(): Record<string, string> {
    const times = Object.entries(totalsOfKind(this.#totals, 'emptied'));
    return Object.fromEntries(times.map(([name, atMs]) => [name, new Date(atMs).toISOString()]));
  }

  #now(): string {
    return new Date(this.clock.wallMs()).toISOString();
  }
}
