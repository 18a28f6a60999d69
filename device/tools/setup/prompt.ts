import type { Key, Screen } from '../calibrate/calibrate.js';

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
}

/** Asks a person. Each question rejects with the reason of the signal if Ctrl-C or the end of the input ends it. */
export interface Prompt {
  /** Prints a text, wrapped. */
  say(text: string): void;
  /**
   * `fallback`: the answer to Enter alone. `problemOf` returns why an answer is not allowed, or null. Such an answer is
   * explained, and the question asked again.
   */
  text(question: string, fallback: string, problemOf?: (answer: string) => string | null): Promise<string>;
  /** Does not show what is typed. */
  secret(question: string): Promise<string>;
  choose<Value extends string>(
    question: string,
    choices: readonly Choice<Value>[],
    fallback: Value,
  ): Promise<Value>;
  confirm(question: string, fallback: boolean): Promise<boolean>;
  /** Calls `use` while each key is read alone. */
  withKeys<T>(use: (keys: AsyncIterator<Key>, screen: Screen) => Promise<T>): Promise<T>;
}
