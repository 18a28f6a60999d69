import type { LineFault } from '../../hardware/lines/lines.js';
import { type Answer, type Fault, SortbinError } from '../../kit/errors.js';

/** One printable character, or the name of a key: `left`, `right`, `up`, `down`, `enter`, `tab`, `escape`, `ctrl-c`, `other`. */
export type Key = string;

export interface Screen {
  /** Prints a line that stays on the screen. */
  print(line: string): void;
  /** Replaces the live lines, which are below all printed lines. */
  show(lines: readonly string[]): void;
}

/** A value of the configuration. */
export type ConfigValue = number | string | { readonly [key: string]: ConfigValue };

/** A new value for one key of the configuration. */
export interface Change {
  readonly path: readonly string[];
  /** null: the key is not set. */
  readonly from: number | string | null;
  readonly to: ConfigValue;
}

/**
 * `calibrate-nothing`: the configuration has nothing to calibrate. `calibrate-no-terminal`: a keyboard is needed, but
 * there is no terminal. `calibrate-busy`: the bin is running. `calibrate-line`: a line is unavailable.
 * `calibrate-camera`: the camera cannot be used. `calibrate-file`: the configuration file cannot be changed, and is unchanged.
 */
export type CalibrateErrorCode =
  | 'calibrate-nothing'
  | 'calibrate-no-terminal'
  | 'calibrate-busy'
  | 'calibrate-line'
  | 'calibrate-camera'
  | 'calibrate-file';

export class CalibrateError extends SortbinError<CalibrateErrorCode> {
  override readonly name = 'CalibrateError';
}

/** Returns the error for a bin that is running. `problem`: a clause without a full stop. */
export const busyError = (problem: string, cause?: unknown): CalibrateError =>
  new CalibrateError(
    'calibrate-busy',
    `${problem}. A running bin owns its lines and its camera. Stop it first, and start it again afterwards.`,
    { cause },
  );

/**
 * Returns the value of an answer. `key`: the key of the line in the configuration.
 * @throws CalibrateError if the line is unavailable
 */
export const unwrapLine = <T>(key: string, answer: Answer<T, LineFault>): T => {
  if (answer.ok) return answer.value;
  throw lineError(key, answer.fault);
};

const lineError = (key: string, { code, message }: Fault<LineFault>): CalibrateError =>
  code === 'line-busy'
    ? busyError(`${key}: ${message.replace(/\.$/, '')}`)
    : new CalibrateError('calibrate-line', `${key}: ${message}`);

/** Returns the dotted key, as in messages and on the reference page. */
export const keyOf = (path: readonly string[]): string => path.join('.');

export const maxLength = (texts: readonly string[]): number =>
  Math.max(0, ...texts.map(({ length }) => length));
