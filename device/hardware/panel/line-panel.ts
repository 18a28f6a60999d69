import type { Clock } from '../../kit/clock.js';
import type { Fault } from '../../kit/errors.js';
import type { Input, LineFault } from '../lines/lines.js';
import type { IndicatorState, Light, Panel, Press } from './panel.js';
import { checkPattern, type Indicator, playPattern } from './pattern.js';

export interface ButtonOptions {
  /** Active while it is pressed. */
  readonly input: Input;
  /** What comes within so long of the last press is the same press. */
  readonly minGapMs: number;
  readonly clock: Clock;
}

/** Has `listener` told of each press; the returned function ends that. */
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
  /** What is shown, by what is said; what has no sign is dark and silent. */
  readonly indicators: Partial<Readonly<Record<IndicatorState, readonly Indicator[]>>>;
  readonly light: Light;
  /** null: there is no button. */
  readonly wrong: Omit<ButtonOptions, 'clock'> | null;
  readonly clock: Clock;
  /** Told each time an output of the signs ended: its fault, or null. */
  readonly onFault?: (output: string, fault: Fault<LineFault> | null) => void;
}

/** LEDs, a buzzer, a lamp and a button on lines; without any of them it does nothing. */
export class LinePanel implements Panel {
  readonly light: Light;
  #shown: IndicatorState | 'off' = 'off';
  #playing = new AbortController();
  #ended: Promise<unknown> = Promise.resolve();
  #closed = false;
  readonly #buttons = new Set<() => void>();

  /** @throws SortbinError `pattern-invalid` */
  constructor(private readonly options: LinePanelOptions) {
    for (const indicator of Object.values(options.indicators).flat()) checkPattern(indicator);
    this.light = options.light;
  }

  show(state: IndicatorState | 'off'): void {
    if (state === this.#shown || this.#closed) return;
    this.#shown = state;
    this.#playing.abort(new Error(`${state} is shown now`));
    this.#playing = new AbortController();
    const { signal } = this.#playing;
    const { indicators, clock, onFault } = this.options;
    // The outputs of what was shown before are off first: the same ones may be wanted again.
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
    if (!wrong || this.#closed) return () => {};
    const forget = onPress({ ...wrong, clock }, listener);
    this.#buttons.add(forget);
    return () => {
      this.#buttons.delete(forget);
      forget();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const forget of this.#buttons) forget();
    this.#buttons.clear();
    this.#playing.abort(new Error('the signs are closed'));
    await this.#ended;
  }
}
