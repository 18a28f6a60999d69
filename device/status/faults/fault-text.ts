/** What a fault code means, in plain English. */
export interface FaultText {
  /** What is wrong: one sentence or two. */
  readonly meaning: string;
  /** What a person can do. */
  readonly cure: string;
  /** Page of the documentation with more about it, below `docs/`. */
  readonly page?: string;
}

export type FaultTexts<Code extends string = string> = Readonly<Record<Code, FaultText>>;
