/** Prints what a proof has seen, and counts what is wrong. */
export class Findings {
  problems = 0;

  note(text: string): void {
    process.stdout.write(`  ${text}\n`);
  }

  /** Adds a problem unless `isTrue`. */
  check(isTrue: boolean, text: string): void {
    if (isTrue) return;
    this.problems += 1;
    this.note(`PROBLEM: ${text}`);
  }
}

/** What the proofs share: a running bin, and where to keep pictures (null: none). */
export interface Stage {
  readonly folder: string;
  /** Address of the HTTP server of the bin. */
  readonly httpUrl: string;
  readonly brokerPort: number;
  readonly pictures: string | null;
  /** Makes the bin stop. */
  readonly stopBin: () => Promise<void>;
}
