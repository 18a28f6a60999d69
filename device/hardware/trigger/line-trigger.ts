import { orAborted } from '../../kit/deadline.js';
import { type HealthListener, HealthReporter } from '../../kit/health.js';
import type { Edge, Input } from '../lines/lines.js';
import {
  makeTrigger,
  type Trigger,
  type TriggerContext,
  TriggerError,
  type TriggerFault,
  type TriggerSource,
  toTriggerFault,
} from './trigger.js';

export interface LineTriggerOptions extends TriggerContext {
  /** Active while an item is present. The kernel debounces it by its input rules. */
  readonly input: Input;
  readonly source: 'beam' | 'pir' | 'switch';
  /** Edges that follow the last edge within this time belong to the same passage and do not trigger again. */
  readonly minGapMs: number;
}

/** A passage that lasts this number of gaps counts as a new one, so that a line that always flickers still triggers. */
const MAX_PASSAGE_GAPS = 10;

/** A break-beam, a motion detector or a switch. Its triggers have the kernel's time of the edge to active. */
export class LineTrigger implements TriggerSource {
  readonly #health = new HealthReporter<TriggerFault>();
  #unsubscribe = () => {};
  /** null: no edge has come yet. */
  #active: boolean | null = null;
  #edgeAtMs = -Infinity;
  #triggeredAtMs = -Infinity;

  constructor(private readonly options: LineTriggerOptions) {}

  start(onTrigger: (trigger: Trigger) => void): void {
    const { input, source } = this.options;
    this.#unsubscribe();
    this.#unsubscribe = input.onEdge((edge) => {
      const atMs = Number(edge.atNs) / 1e6;
      if (this.#startsPassage(edge, atMs)) onTrigger(makeTrigger(source, this.options, atMs));
    });
  }

  onHealth(listener: HealthListener<TriggerFault>): void {
    this.#health.onHealth(listener);
  }

  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const answer = await orAborted(this.options.input.active(), signal);
    if (answer.ok) {
      this.#health.set(null);
      return answer.value;
    }
    const fault = toTriggerFault(answer.fault);
    this.#health.set(fault);
    throw new TriggerError(fault);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#unsubscribe = () => {};
  }

  #startsPassage({ active, missed }: Edge, atMs: number): boolean {
    // An edge to inactive also means an item if no edge to active came before it. Either that edge was lost, or the
    // item had passed before the kernel read the level, and the kernel reported an edge to inactive instead.
    const isItem = active || this.#active === false || (missed > 0 && !this.#active);
    const quietMs = atMs - this.#edgeAtMs;
    this.#active = active;
    this.#edgeAtMs = atMs;
    const { minGapMs } = this.options;
    const sinceTriggerMs = atMs - this.#triggeredAtMs;
    if (!isItem || (quietMs < minGapMs && sinceTriggerMs < MAX_PASSAGE_GAPS * minGapMs)) return false;
    this.#triggeredAtMs = atMs;
    return true;
  }
}
