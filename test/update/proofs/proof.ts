/** What a proof has found. Each line is printed at once, because a proof takes minutes. */
export class Findings {
  problems = 0;

  /** A figure. */
  note(text: string): void {
    process.stdout.write(`  ${text}\n`);
  }

  /** Something that must not happen. */
  problem(text: string): void {
    this.problems += 1;
    process.stdout.write(`  PROBLEM: ${text}\n`);
  }
}

export interface ProofOptions {
  readonly seed: number;
  /** Number of mutated releases that must be refused. */
  readonly bundles: number;
  /** Only the mutated release with this number, to repeat it; null: all. */
  readonly only: number | null;
  /** Largest number of changes of the disk at which the program is killed, or the disk is full. */
  readonly points: number;
}

export type Proof = (options: ProofOptions, findings: Findings) => Promise<void>;

/** Runs `use` with a place for what must be removed afterwards, like the context of a test. */
export const withCleanup = async <T>(
  use: (context: { after(remove: () => unknown): void }) => Promise<T>,
): Promise<T> => {
  const removals: (() => unknown)[] = [];
  try {
    return await use({ after: (remove) => removals.push(remove) });
  } finally {
    for (const remove of removals.reverse()) await remove();
  }
};
