import { SortbinError } from '../kit/errors.js';

/**
 * `config-missing`: no such file; `config-unreadable`: it is there, and can't be read, or is too large;
 * `config-syntax`: not the YAML that is taken here; `config-invalid`: a key or value that is not allowed.
 */
export type ConfigErrorCode = 'config-missing' | 'config-unreadable' | 'config-syntax' | 'config-invalid';

/** One thing that is wrong. No secret is in any of its texts. */
export interface Problem {
  /** Dotted, with array indexes: `camera.script[2].fault`; empty for the file as a whole. */
  readonly path: string;
  /** The value as text; null where there is none, or it is not shown. */
  readonly value: string | null;
  readonly allowed: string;
  /** In the file, from 1; null where it is not known. */
  readonly line: number | null;
  /** All of it in one line, the place in the file excepted. */
  readonly message: string;
}

export class ConfigError extends SortbinError<ConfigErrorCode> {
  override readonly name = 'ConfigError';

  /** The message has one line for each problem: `<source>:<line>: <what is wrong>`. */
  constructor(
    code: ConfigErrorCode,
    source: string,
    readonly problems: readonly Problem[],
    options?: { cause?: unknown },
  ) {
    super(code, problems.map((problem) => lineOf(source, problem)).join('\n'), options);
  }
}

const lineOf = (source: string, { line, message }: Problem): string =>
  line === null ? `${source}: ${message}` : `${source}:${line}: ${message}`;
