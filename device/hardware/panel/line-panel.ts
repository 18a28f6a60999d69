import type { Clock } from '../../kit/clock.js';
import type { Fault } from '../../kit/errors.js';
import type { Input, LineFault } from '../lines/lines.js';
import type { IndicatorState, Light, Panel, Press } from './panel.js';
import { checkPattern, type Indicator, playPattern } from './pattern.js';

export interface ButtonOptions {
  /** Active while the button is pressed. */
  readonly input: Input;
  /** Edges that follow the last press within this time belong to the same press. */
  readonly minGapMs: number;
  readonly clock: Clock;
}

/** Calls `listener` at each press. The returned function removes the listener. */
export const onPress = (
  { input, minGapMs, clock }: ButtonOptions,
  listener: (press: Press) => void,
): (() => void) => {
  let lastMs = -Infinity;
  return input.onEdge(({ active, atNs }) => {
    const atMs = Number(atNs) / 1e6;
    if (!active || atMs - lastMs < minGapMs) return;
    lastMs = atMs;
    listener({ atMs, wallMs: Math.round(clock.wallMs() - (clock.monotonicMs() - atMs)) });
  });
};

export interface LinePanelOptions {
  /** The indicators of each state. All others are off. */
  readonly indicators: Partial<Readonly<Record<IndicatorState, readonly Indicator[]>>>;
  readonly light: Light;
  /** null: the panel has no such button. */
  readonly wrong: Omit<ButtonOptions, 'clock'> | null;
  readonly clock: Clock;
  /** Called each time an indicator's output was turned off, with the fault or null. */
  readonly onFault?: (output: string, fault: Fault<LineFault> | null) => void;
}

/** LEDs, a buzzer, a lamp and a button on lines. Each of them is optional. */
export class LinePanel implements Panel {
  readonly light: Light;
  #shown: IndicatorState | 'off' = 'off';
  #playing = new AbortController();
  #ended: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  readonly #unsubscribers = new Set<() => void>();

  /** @throws SortbinError `pattern-invalid` */
  constructor(private readonly options: LinePanelOptions) {
    for (const indicator of Object.values(options.indicators).flat()) checkPattern(indicator);
    this.light = options.light;
  }

  show(state: IndicatorState | 'off'): void {
    if (state === this.#shown || this.#isClosed) return;
    this.#shown = state;
    this.#playing.abort(new Error(`replaced by the state "${state}"`));
    this.#playing = new AbortController();
    const { signal } = this.#playing;
    const { indicators, clock, onFault } = this.options;
    // The indicators of the previous state must be off first: the new state may use the same outputs.
    this.#ended = this.#ended.then(() =>
      Promise.all(
        (state === 'off' ? [] : (indicators[state] ?? [])).map((indicator) =>
          playPattern(indicator, clock, signal, (fault) => onFault?.(indicator.output.name, fault)),
        ),
      ),
    );
  }

  onWrong(listener: (press: Press) => void): () => void {
    const { wrong, clock } = this.options;
    if (!wrong || this.#isClosed) return () => {};
    const unsubscribe = onPress({ ...wrong, clock }, listener);
    this.#unsubscribers.add(unsubscribe);
    return () => {
      this.#unsubscribers.delete(unsubscribe);
      unsubscribe();
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const unsubscribe of this.#unsubscribers) unsubscribe();
    this.#unsubscribers.clear();
    this.#playing.abort(new Error('the panel is closed'));
    await this.#ended;
  }
}
