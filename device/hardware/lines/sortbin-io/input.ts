import type { Clock } from '../../../kit/clock.js';
import { type Answer, done, type Fault } from '../../../kit/errors.js';
import { EdgeListeners } from '../edge-listeners.js';
import type { Edge, Input, LineFault } from '../lines.js';
import { nowNs } from '../time.js';
import type { IoConnection, IoLine } from './line.js';
import type { IoEvent } from './protocol.js';

/** An input of sortbin-io. It keeps its level while the line is lost. If the level differs afterwards, that is an edge. */
export class IoInput implements Input, IoLine {
  readonly kind = 'input';
  fault: Fault<LineFault> | null = null;
  readonly #listeners = new EdgeListeners();
  #level: boolean | null = null;
  #edges = 0;
  /** Time at which a level was reported without an edge of the kernel. */
  #reportedAtNs: bigint | null = null;

  constructor(
    readonly name: string,
    readonly requestCommand: string,
    readonly place: string,
    private readonly connection: IoConnection,
    private readonly clock: Clock,
  ) {}

  async active(): Promise<Answer<boolean, LineFault>> {
    const fault = this.connection.fault ?? this.fault;
    if (fault) return { ok: false, fault };
    const reply = await this.connection.send(`get ${this.name}`);
    return reply.ok ? done(reply.value === '1') : { ok: false, fault: this.connection.toFault(this, reply) };
  }

  onEdge(listener: (edge: Edge) => void): () => void {
    return this.#listeners.add(listener);
  }

  async onRequested(): Promise<void> {
    const edges = this.#edges;
    const reply = await this.connection.send(`get ${this.name}`);
    // An edge that arrived meanwhile is newer than this reply.
    if (!reply.ok || edges !== this.#edges) return;
    const active = reply.value === '1';
    const hasChanged = this.#level !== null && this.#level !== active;
    this.#level = active;
    if (!hasChanged) return;
    this.#reportedAtNs = nowNs(this.clock);
    this.#listeners.notify({ active, atNs: this.#reportedAtNs, missed: 0 });
  }

  handle(event: IoEvent): void {
    if (event.type !== 'edge') return;
    const { active, atNs, missed } = event;
    // The kernel's edge for a level that was already reported.
    const isReported = this.#reportedAtNs !== null && atNs <= this.#reportedAtNs && active === this.#level;
    this.#reportedAtNs = null;
    this.#edges += 1;
    this.#level = active;
    if (!isReported) this.#listeners.notify({ active, atNs, missed });
  }

  onLost(): void {}

  async untilOff(): Promise<void> {}
}
