import { Sortbin } from './sortbin.js';

interface Report {
  readonly schema: number;
  readonly exitCode: number;
  readonly sections: readonly { readonly title: string; readonly checks: readonly ReportedCheck[] }[];
}

interface ReportedCheck {
  readonly name: string;
  readonly status: string;
  readonly text: string;
  readonly [datum: string]: unknown;
}

/** Runs `sortbin <args> --json`, for a command that reports sections. `checks` returns the checks of a section by name. */
export const runReport = async (args: readonly string[], folder: string) => {
  const command = new Sortbin([...args, '--json'], folder);
  const code = await command.ended();
  const report = JSON.parse(command.output.join('\n')) as Report;
  const checks = (title: string): Record<string, ReportedCheck> =>
    Object.fromEntries(
      (report.sections.find((section) => section.title === title)?.checks ?? []).map((check) => [
        check.name,
        check,
      ]),
    );
  return { code, report, checks, stderr: command.stderr };
};
