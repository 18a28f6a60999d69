import type { Answer } from '../../kit/errors.js';
import type { LineFault } from '../lines/lines.js';

/** What the bin can say to the person in front of it. */
export type IndicatorState = 'ready' | 'busy' | 'refused' | 'fault';

/** The button that says: the last item went to the wrong place. */
export interface Press {
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly wallMs: number;
}

/** The light for the camera. */
export interface Light {
  /**
   * On until `signal` is aborted, but no longer than its output's bound; resolves once it shines steadily. One user at a
   * time: a second one waits until the first one's light is off. Rejects with the signal's reason when aborted before.
   */
  on(signal: AbortSignal): Promise<Answer<void, LineFault>>;
}

/** Whoever stands in front of the bin: what it shows and sounds to them, what lights their item, and their button. */
export interface Panel {
  readonly light: Light;
  /** Shows this until something else is shown; showing the same again changes nothing. Nothing after `close`. */
  show(state: IndicatorState | 'off'): void;
  /** Has `listener` told of each press; the returned function ends that. */
  onWrong(listener: (press: Press) => void): () => void;
  /** What it shows goes off; the light is its user's. */
  close(): Promise<void>;
}
