import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import sharp from 'sharp';
import { SystemClock } from '../../device/kit/clock.js';
import { packageRoot } from '../../device/kit/root.js';
import { ForkedVision } from '../../device/perception/vision/forked-vision.js';
import { table } from '../../device/tools/bench/render.js';
import { percentiles } from '../../device/tools/bench/report.js';
import { makeVisionOptions } from '../support/vision-options.js';
import { openContenders } from './contenders.js';

const never = new AbortController().signal;

/**
 * `npm run bench:inference [-- --rounds N --bundle FOLDER]`: measures the same model in every runtime of this machine.
 * The runtimes take turns, so that other load on the machine affects all of them. Then measures a 640x480 JPEG in the
 * vision process.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    bundle: { type: 'string', default: join(packageRoot(), 'deploy', 'model') },
  },
});
const ROUNDS = Number(values.rounds);
const RUNS = 10;
const FRAMES = 300;
const WARM_UP = 10;

const fixed = (number: number) => number.toFixed(2);
const print = (line: string) => process.stdout.write(`${line}\n`);

const compareRuntimes = async (): Promise<void> => {
  const { present, absent } = await openContenders(values.bundle);
  const elapsed = present.map((): number[] => []);
  for (const contender of present) await contender.run(WARM_UP);
  for (let round = 0; round < ROUNDS; round++) {
    // Each round starts with a different runtime, so that none always follows the same one.
    for (let turn = 0; turn < present.length; turn++) {
      const index = (turn + round) % present.length;
      elapsed[index]?.push(...((await present[index]?.run(RUNS)) ?? []));
    }
  }
  const rows = present.map(({ name, threads }, index) => {
    const times = elapsed[index] ?? [];
    const { p50, p95 } = percentiles(times);
    return [name, `${threads}`, fixed(Math.min(...times)), fixed(p50), fixed(p95), `${times.length}`];
  });
  print(table(['inference', 'threads', 'min ms', 'p50 ms', 'p95 ms', 'runs'], rows));
  for (const line of absent) print(`not available: ${line}`);
  await Promise.all(present.map((contender) => contender.close()));
};

/** Returns a frame of 640 x 480 pixels, as from the camera of a bin. */
const frame = async (): Promise<Buffer> => {
  const image = await readFile(join(packageRoot(), 'test', 'samples', 'metal', 'metal264.jpg'));
  return sharp(image).resize(640, 480, { fit: 'fill' }).jpeg({ quality: 92 }).toBuffer();
};

/** `cores`: CPU cores of the vision process; null: all. */
const measureVisionProcess = async (cores: readonly number[] | null): Promise<void> => {
  const clock = new SystemClock();
  const vision = new ForkedVision({
    ...makeVisionOptions(values.bundle, { tflite: { binding: 'auto', library: null }, cpus: cores }),
    clock,
    log: pino({ level: 'silent' }),
  });
  const { title, runtime } = await vision.start(never);
  const bytes = await frame();
  const steps = new Map<string, number[]>();
  const add = (step: string, ms: number) => steps.set(step, [...(steps.get(step) ?? []), ms]);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  for (let count = -WARM_UP; count < FRAMES; count++) {
    if (count === 0) delay.enable();
    const startMs = clock.monotonicMs();
    const answer = await vision.classify(
      { id: `${count}`, bytes, capturedAtMs: 0, capturedAtWallMs: 0 },
      AbortSignal.timeout(10_000),
    );
    const totalMs = clock.monotonicMs() - startMs;
    if (!answer.ok) throw new Error(answer.fault.message);
    if (count < 0) continue;
    const { decode, region, invoke } = answer.value.timingsMs;
    add('decode', decode);
    add('crop, resize', region);
    add('decode + resize', decode + region);
    add('invoke', invoke);
    add('request to result', totalMs);
    add('overhead of the process', totalMs - decode - region - invoke);
  }
  delay.disable();
  await vision.close();
  const rows = [...steps].map(([step, times]) => {
    const { p50, p95, p99 } = percentiles(times);
    return [step, fixed(p50), fixed(p95), fixed(p99), `${times.length}`];
  });
  print(
    `\n640x480 JPEG of ${bytes.length} bytes in the vision process, ${title} (${runtime.backend}), ${runtime.threads} thread, ` +
      (cores ? `on core ${cores.join(', ')}` : 'on all cores'),
  );
  print(table(['step', 'p50 ms', 'p95 ms', 'p99 ms', 'frames'], rows));
  const ms = (ns: number) => fixed(ns / 1e6);
  print(
    `event loop delay of the daemon during the measurement (includes the timer interval of 1 ms): ` +
      `p50 ${ms(delay.percentile(50))}, p99 ${ms(delay.percentile(99))}, max ${ms(delay.max)} ms`,
  );
};

print(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model}`,
);
await compareRuntimes();
await measureVisionProcess(null);
if (cpus().length > 1) await measureVisionProcess([cpus().length - 1]);
