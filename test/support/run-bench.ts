import type { BenchReport } from '../../device/tools/bench/report.js';
import { Sortbin } from './sortbin.js';

/** `sortbin bench … --json -`: the exit code, the report where there is one, and what went to standard error. */
export const runBenchCommand = async (args: readonly string[], folder: string) => {
  const bench = new Sortbin(['bench', ...args, '--json', '-'], folder);
  const code = await bench.ended();
  const text = bench.output.join('\n');
  return { code, report: (text ? JSON.parse(text) : null) as BenchReport | null, stderr: bench.stderr };
};
