import { type Answer, done } from '../../../kit/errors.js';
import { EdgeListeners } from '../edge-listeners.js';
import type { Edge, Input, InputRules, LineFault } from '../lines.js';
import { nowNs } from '../time.js';
import type { SimulatedBoard } from './board.js';

export class SimulatedInput implements Input {
  readonly #listeners = new EdgeListeners();
  #level = false;
  /** The level after debouncing. Listeners know this one. */
  #steady = false;
  #cancel: () => void = () => {};

  constructor(
    readonly name: string,
    private readonly rules: InputRules,
    private readonly board: SimulatedBoard,
  ) {}

  get steady(): boolean {
    return this.#steady;
  }

  async active(): Promise<Answer<boolean, LineFault>> {
    const fault = this.board.faultOf(this.name);
    return fault ? { ok: false, fault } : done(this.#steady);
  }

  onEdge(listener: (edge: Edge) => void): () => void {
    return this.#listeners.add(listener);
  }

  set(active: boolean): void {
    this.#level = active;
    this.#cancel();
    const { debounceMs } = this.rules;
    if (debounceMs === 0) this.settle();
    else this.#cancel = this.board.clock.after(debounceMs, () => this.settle());
  }

  /** Makes the current level the steady one, unless the line has a fault. */
  settle(): void {
    if (this.#level === this.#steady || this.board.faultOf(this.name)) return;
    this.#steady = this.#level;
    if (this.#steady) this.board.tripGuard(this.name);
    this.#listeners.notify({ active: this.#steady, atNs: nowNs(this.board.clock), missed: 0 });
  }

  close(): void {
    this.#cancel();
  }
}
