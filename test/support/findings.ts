/** Prints what a proof has seen, and counts what is wrong. */
export class Findings {
  checks = 0;
  problems = 0;

  note(text: string): void {
    process.stdout.write(`  ${text}\n`);
  }

  /** Adds a problem unless `isTrue`. */
  check(isTrue: boolean, text: string): void {
    this.checks += 1;
    if (isTrue) return;
    this.problems += 1;
    this.note(`PROBLEM: ${text}`);
  }
}
