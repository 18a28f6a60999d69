import type { LineFault } from '../../hardware/lines/lines.js';
import { type Answer, type Fault, SortbinError } from '../../kit/errors.js';

/** One printable character, or the name of another key: `left`, `right`, `up`, `down`, `enter`, `tab`, `escape`, `ctrl-c`. */
export type Key = string;

/** What a person sees. */
export interface Screen {
  /** A line that stays. */
  say(line: string): void;
  /** What is there at this moment, below all that stays; it replaces what was shown before. */
  show(lines: readonly string[]): void;
}

/** A value of the configuration that was found anew. */
export interface Change {
  /** Of its key. */
  readonly path: readonly string[];
  readonly from: number;
  readonly to: number;
}

/**
 * `calibrate-nothing`: nothing is configured that could be calibrated; `calibrate-no-terminal`: keys are needed, and
 * there is no keyboard; `calibrate-busy`: the bin runs; `calibrate-line`: a line cannot be had; `calibrate-file`: the
 * file cannot be changed, and is as it was.
 */
export type CalibrateErrorCode =
  | 'calibrate-nothing'
  | 'calibrate-no-terminal'
  | 'calibrate-busy'
  | 'calibrate-line'
  | 'calibrate-file';

export class CalibrateError extends SortbinError<CalibrateErrorCode> {
  override readonly name = 'CalibrateError';
}

const STOP_IT = 'the bin holds its lines while it runs; stop it first, and start it again afterwards';

export const busy = (what: string, cause?: unknown): CalibrateError =>
  new CalibrateError('calibrate-busy', `${what}: ${STOP_IT}`, { cause });

/** @throws CalibrateError where the line cannot be had; `key`: of the configuration */
export const had = <T>(key: string, answer: Answer<T, LineFault>): T => {
  if (answer.ok) return answer.value;
  throw notHad(key, answer.fault);
};

const notHad = (key: string, { code, message }: Fault<LineFault>): CalibrateError =>
  code === 'line-busy'
    ? busy(`${key}: ${message}`)
    : new CalibrateError('calibrate-line', `${key}: ${message}`);

/** Dotted, as messages and the reference page have it. */
export const keyOf = (path: readonly string[]): string => path.join('.');

export const longest = (texts: readonly string[]): number =>
  Math.max(0, ...texts.map(({ length }) => length));
