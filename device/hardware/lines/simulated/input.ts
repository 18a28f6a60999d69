import { type Answer, done } from '../../../kit/errors.js';
import { Listeners } from '../edge-listeners.js';
import type { Edge, Input, InputRules, LineFault } from '../lines.js';
import { nowNs } from '../time.js';
import type { BoardInMemory } from './board.js';

export class InputInMemory implements Input {
  readonly #listeners = new Listeners();
  #level = false;
  /** What has been steady for the time of the debounce, and was told. */
  #steady = false;
  #cancel: () => void = () => {};

  constructor(
    readonly name: string,
    private readonly rules: InputRules,
    private readonly board: BoardInMemory,
  ) {}

  get steady(): boolean {
    return this.#steady;
  }

  async active(): Promise<Answer<boolean, LineFault>> {
    const fault = this.board.fault(this.name);
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

  /** What is there now counts, unless nobody can see it. */
  settle(): void {
    if (this.#level === this.#steady || this.board.fault(this.name)) return;
    this.#steady = this.#level;
    if (this.#steady) this.board.alarm(this.name);
    this.#listeners.tell({ active: this.#steady, atNs: nowNs(this.board.clock), missed: 0 });
  }

  close(): void {
    this.#cancel();
  }
}
