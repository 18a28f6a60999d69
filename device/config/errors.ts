import { SortbinError } from '../kit/errors.js';

/**
 * `config-missing`: the file does not exist. `config-unreadable`: the file exists, but cannot be read or is too large.
 * `config-syntax`: the text is not in the accepted subset of YAML. `config-invalid`: a key or a value is not allowed.
 */
export type ConfigErrorCode = 'config-missing' | 'config-unreadable' | 'config-syntax' | 'config-invalid';

/** One problem of a configuration file. None of its texts contains a secret. */
export interface Problem {
  /** Dotted, with array indexes: `camera.script[2].fault`. Empty for the file as a whole. */
  readonly path: string;
  /** The value as text. null: the value is missing, or is not shown. */
  readonly value: string | null;
  /** A noun phrase. */
  readonly allowed: string;
  /** From 1. null: unknown. */
  readonly line: number | null;
  /** One line: `<path>: <problem>. <fix>.` */
  readonly message: string;
}

export class ConfigError extends SortbinError<ConfigErrorCode> {
  override readonly name = 'ConfigError';

  /** The error's message has one line for each problem: `<source>:<line>: <message>`. */
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
