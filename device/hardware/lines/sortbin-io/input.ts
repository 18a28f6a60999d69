import type { Clock } from '../../../kit/clock.js';
import { type Answer, done, type Fault } from '../../../kit/errors.js';
import { Listeners } from '../edge-listeners.js';
import type { Edge, Input, LineFault } from '../lines.js';
import { nowNs } from '../time.js';
import type { IoHolder, IoLine } from './line.js';
import type { IoEvent } from './protocol.js';

/** An input of sortbin-io. What it was before its line was lost is remembered: another level after that is an edge. */
export class IoInput implements Input, IoLine {
  readonly kind = 'input';
  fault: Fault<LineFault> | null = null;
  readonly #listeners = new Listeners();
  #level: boolean | null = null;
  #edges = 0;
  /** Of the level that was told without an edge. */
  #toldAtNs: bigint | null = null;

  constructor(
    readonly name: string,
    readonly request: string,
    readonly where: string,
    private readonly holder: IoHolder,
    private readonly clock: Clock,
  ) {}

  async active(): Promise<Answer<boolean, LineFault>> {
    const fault = this.holder.fault ?? this.fault;
    if (fault) return { ok: false, fault };
    const reply = await this.holder.ask(`get ${this.name}`);
    return reply.ok ? done(reply.value === '1') : { ok: false, fault: this.holder.refusal(this, reply) };
  }

  onEdge(listener: (edge: Edge) => void): () => void {
    return this.#listeners.add(listener);
  }

  async taken(): Promise<void> {
    const edges = this.#edges;
    const reply = await this.holder.ask(`get ${this.name}`);
    // An edge that came meanwhile says it better.
    if (!reply.ok || edges !== this.#edges) return;
    const active = reply.value === '1';
    const changed = this.#level !== null && this.#level !== active;
    this.#level = active;
    if (!changed) return;
    this.#toldAtNs = nowNs(this.clock);
    this.#listeners.tell({ active, atNs: this.#toldAtNs, missed: 0 });
  }

  hear(event: IoEvent): void {
    if (event.type !== 'edge') return;
    const { active, atNs, missed } = event;
    const told = this.#toldAtNs !== null && atNs <= this.#toldAtNs && active === this.#level;
    this.#toldAtNs = null;
    this.#edges += 1;
    this.#level = active;
    if (!told) this.#listeners.tell({ active, atNs, missed });
  }

  lost(): void {}

  async goOff(): Promise<void> {}
}
