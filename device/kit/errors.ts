/**
 * Base class of the errors of all modules. `code` is one of the codes of the module. The message names the thing, its
 * value, what is allowed, and what to do.
 */
export class SortbinError<Code extends string = string> extends Error {
  override readonly name: string = 'SortbinError';

  constructor(
    readonly code: Code,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** An expected failure, as a value. Faults are counted and published. */
export interface Fault<Code extends string = string> {
  readonly code: Code;
  readonly message: string;
  /** What of the part has the fault, for example a line. A fault with another detail is another fault. */
  readonly detail?: string;
}

/** The result of an operation that may fail: a value or a fault. */
export type Answer<T, Code extends string = string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault<Code> };

export const done = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

export const failed = <Code extends string>(code: Code, message: string, detail?: string) =>
  ({ ok: false, fault: { code, message, ...(detail === undefined ? {} : { detail }) } }) as const;

/** Returns the message of a thrown value. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);
