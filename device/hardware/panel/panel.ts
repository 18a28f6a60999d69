import type { Answer } from '../../kit/errors.js';
import type { LineFault } from '../lines/lines.js';

/** The states that the indicators show to the operator. */
export type IndicatorState = 'ready' | 'busy' | 'refused' | 'fault';

/** A press of a button. */
export interface Press {
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly wallMs: number;
}

/** The light for the camera. */
export interface Light {
  /**
   * Turns the light on and resolves when its brightness is steady. It turns off when `signal` is aborted, or when the
   * maximum on-time of its output expires. It has one user at a time: a second one waits until the light is off again.
   * Rejects with the signal's reason if the signal is aborted before the light is steady.
   */
  on(signal: AbortSignal): Promise<Answer<void, LineFault>>;
}

/** The operator panel: the indicators, the light for the camera and the button "wrong". */
export interface Panel {
  readonly light: Light;
  /** Shows `state` until the next call. Has no effect if the state is already shown, or after `close`. */
  show(state: IndicatorState | 'off'): void;
  /**
   * Calls `listener` at each press of the button that reports a wrong compartment for the last item. The returned
   * function removes the listener.
   */
  onWrong(listener: (press: Press) => void): () => void;
  /** Turns the indicators off. The light is left to its user. */
  close(): Promise<void>;
}
