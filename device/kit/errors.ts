/**
 * The base of every error that crosses a room's door: a code out of the room's closed union, and a message that
 * names the thing, the value, what is allowed and what to do.
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

/** What went wrong, as a value: expected, counted, published. */
export interface Fault<Code extends string = string> {
  readonly code: Code;
  readonly message: string;
}

/** An expected outcome: what was asked for, or the fault that stands in its place. */
export type Answer<T, Code extends string = string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault<Code> };

export const done = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

export const failed = <Code extends string>(code: Code, message: string) =>
  ({ ok: false, fault: { code, message } }) as const;

/** The text of anything that was thrown. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);
