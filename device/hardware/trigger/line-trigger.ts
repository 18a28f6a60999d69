import { orAborted } from '../../kit/deadline.js';
import type { Fault } from '../../kit/errors.js';
import type { Edge, Input, LineFault } from '../lines/lines.js';
import {
  makeTrigger,
  type Trigger,
  type TriggerContext,
  TriggerError,
  type TriggerSource,
} from './trigger.js';

export interface LineTriggerOptions extends TriggerContext {
  /** Active while something is there; the kernel debounces it, by the rules that it was requested with. */
  readonly input: Input;
  readonly source: 'beam' | 'pir' | 'switch';
  /** What comes within so long of the last edge belongs to the same passage: one trigger. */
  readonly minGapMs: number;
  /** Told of each reading of the level: its fault, or null. */
  readonly onFault?: (fault: Fault<LineFault> | null) => void;
}

/** A passage of more than so many gaps counts as another one: a line that flickers for ever is not held off for ever. */
const LONGEST_PASSAGE_GAPS = 10;

/** A break-beam, a motion detector or a switch. Its triggers bear the kernel's time of the edge to active. */
export class LineTrigger implements TriggerSource {
  #forget = () => {};
  /** null: no edge has come yet. */
  #active: boolean | null = null;
  #edgeAtMs = -Infinity;
  #triggeredAtMs = -Infinity;

  constructor(private readonly options: LineTriggerOptions) {}

  start(onTrigger: (trigger: Trigger) => void): void {
    const { input, source } = this.options;
    this.#forget();
    this.#forget = input.onEdge((edge) => {
      const atMs = Number(edge.atNs) / 1e6;
      if (this.#isNew(edge, atMs)) onTrigger(makeTrigger(source, this.options, atMs));
    });
  }

  async level(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const { input, onFault } = this.options;
    const answer = await orAborted(input.active(), signal);
    onFault?.(answer.ok ? null : answer.fault);
    if (!answer.ok) throw new TriggerError(answer.fault.code, answer.fault.message);
    return answer.value;
  }

  async close(): Promise<void> {
    this.#forget();
    this.#forget = () => {};
  }

  #isNew({ active, missed }: Edge, atMs: number): boolean {
    // An end without a beginning: the item of the beginning that was lost, or that the kernel told as an end since it was
    // over before it was looked at, was there all the same.
    const begins = active || this.#active === false || (missed > 0 && !this.#active);
    const quietMs = atMs - this.#edgeAtMs;
    this.#active = active;
    this.#edgeAtMs = atMs;
    const { minGapMs } = this.options;
    const sinceMs = atMs - this.#triggeredAtMs;
    if (!begins || (quietMs < minGapMs && sinceMs < LONGEST_PASSAGE_GAPS * minGapMs)) return false;
    this.#triggeredAtMs = atMs;
    return true;
  }
}
