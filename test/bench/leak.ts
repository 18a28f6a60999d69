import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { packageRoot } from '../../device/kit/root.js';
import { openLiteRt } from '../../device/perception/inference/litert/litert.js';
import { findLibrary } from '../../device/perception/inference/native.js';
import { TFLITE_BINDINGS, type TfLiteBinding } from '../../device/perception/inference/runtimes.js';
import { openTfLite } from '../../device/perception/inference/tflite/tflite.js';
import { percentiles } from '../../device/tools/bench/report.js';

/**
 * `node dist/test/bench/leak.js [--invocations 100000] [--binding litert|tensorflowlite]`: runs the factory model
 * repeatedly, opens it again at intervals, and measures the memory of the process. Exit code 1 if the memory has
 * grown.
 */
const { values } = parseArgs({
  options: {
    invocations: { type: 'string', default: '100000' },
    binding: { type: 'string', default: 'litert' },
  },
});
const INVOCATIONS = Number(values.invocations);
const WARM_UP = 2_000;
const REOPEN_EVERY = 1_000;
/**
 * Each thread of Node's thread pool has its own heap in the C library. It reaches its full size after about 20
 * openings.
 */
const WARM_UP_REOPEN_EVERY = 50;
const REPORT_EVERY = 10_000;
/** Allowed noise and growth of the allocators. A leaked output is 1.3 kB per run, a leaked model is 4 MB. */
const ALLOWED_MB = 5;
const ALLOWED_BYTES_PER_RUN = 20;

const print = (line: string) => process.stdout.write(`${line}\n`);
const isBinding = (name: string): name is TfLiteBinding => TFLITE_BINDINGS.some((known) => known === name);
const { binding } = values;
if (!isBinding(binding) || !Number.isInteger(INVOCATIONS) || INVOCATIONS < 1) {
  throw new Error(
    `--binding must be one of ${TFLITE_BINDINGS.join(', ')}, and --invocations a whole number from 1`,
  );
}

const library = await findLibrary({ name: binding === 'litert' ? 'litert' : 'tensorflowlite-c' });
const model = await readFile(join(packageRoot(), 'deploy', 'model', 'model_int8.tflite'));
const open = () => (binding === 'litert' ? openLiteRt : openTfLite)({ library, model, threads: 1 });

let interpreter = open();
const inputBytes = interpreter.input.shape.reduce((product, side) => product * side);
const image = new Uint8Array(inputBytes).map((_, index) => index * 31);
const runs = async (
  count: number,
  reopenEvery: number,
  onRun: (done: number, ms: number) => void = () => {},
): Promise<void> => {
  for (let done = 1; done <= count; done++) {
    const startMs = performance.now();
    await interpreter.invoke(image);
    onRun(done, performance.now() - startMs);
    if (done % reopenEvery === 0) {
      await interpreter.close();
      interpreter = open();
    }
  }
};

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Returns the resident memory after a garbage collection. */
const residentMb = (): number => {
  collect();
  return process.memoryUsage.rss() / 2 ** 20;
};

await runs(WARM_UP, WARM_UP_REOPEN_EVERY);
const startMb = residentMb();
print(`${interpreter.backend}: ${startMb.toFixed(1)} MB after a warm-up of ${WARM_UP} runs`);
const elapsed = new Float64Array(INVOCATIONS);
await runs(INVOCATIONS, REOPEN_EVERY, (done, ms) => {
  elapsed[done - 1] = ms;
  if (done % REPORT_EVERY === 0) print(`${residentMb().toFixed(1)} MB after ${done} runs`);
});
const grownMb = residentMb() - startMb;
await interpreter.close();

const allowedMb = ALLOWED_MB + (ALLOWED_BYTES_PER_RUN * INVOCATIONS) / 2 ** 20;
const { p50 } = percentiles([...elapsed]);
const minMs = elapsed.reduce((minimum, ms) => Math.min(minimum, ms), Number.POSITIVE_INFINITY);
print(`${(startMb + grownMb).toFixed(1)} MB after ${INVOCATIONS} runs: ${grownMb.toFixed(1)} MB more`);
print(`inference: minimum ${minMs.toFixed(2)} ms, median ${p50.toFixed(2)} ms`);
if (grownMb > allowedMb) {
  print(`the memory has grown by more than the allowed ${allowedMb.toFixed(1)} MB`);
  process.exitCode = 1;
}
