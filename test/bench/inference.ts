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
import { serving } from '../support/vision-options.js';
import { openContenders } from './contenders.js';

/**
 * `npm run bench:inference [-- --rounds N --bundle FOLDER]`: the same model in every runtime that this machine has,
 * in turns, so that what else the machine does hits all of them; then a 640x480 JPEG through the vision child.
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
const say = (line: string) => process.stdout.write(`${line}\n`);

const contend = async (): Promise<void> => {
  const { present, absent } = await openContenders(values.bundle);
  const elapsed = present.map((): number[] => []);
  for (const contender of present) await contender.run(WARM_UP);
  for (let round = 0; round < ROUNDS; round++) {
    // Each round begins with another one, so that none always follows the same neighbour.
    for (let turn = 0; turn < present.length; turn++) {
      const index = (turn + round) % present.length;
      elapsed[index]?.push(...((await present[index]?.run(RUNS)) ?? []));
    }
  }
  const rows = present.map(({ name, threads }, index) => {
    const of = elapsed[index] ?? [];
    const { p50, p95 } = percentiles(of);
    return [name, `${threads}`, fixed(Math.min(...of)), fixed(p50), fixed(p95), `${of.length}`];
  });
  say(table(['an inference', 'threads', 'min ms', 'p50 ms', 'p95 ms', 'runs'], rows));
  for (const line of absent) say(`not here: ${line}`);
  await Promise.all(present.map((contender) => contender.close()));
};

/** A bin's frame: 640 x 480, as a camera gives it. */
const frame = async (): Promise<Buffer> => {
  const picture = await readFile(join(packageRoot(), 'test', 'samples', 'metal', 'metal264.jpg'));
  return sharp(picture).resize(640, 480, { fit: 'fill' }).jpeg({ quality: 92 }).toBuffer();
};

/** `kept`: the cores that the child is kept to; null: all of them. */
const throughTheChild = async (kept: readonly number[] | null): Promise<void> => {
  const clock = new SystemClock();
  const vision = new ForkedVision({
    ...serving(values.bundle, { tflite: { binding: 'auto', library: null }, cpus: kept }),
    clock,
    log: pino({ level: 'silent' }),
  });
  const { title, runtime } = await vision.start();
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
    add("the child's overhead", totalMs - decode - region - invoke);
  }
  delay.disable();
  await vision.close();
  const rows = [...steps].map(([step, of]) => {
    const { p50, p95, p99 } = percentiles(of);
    return [step, fixed(p50), fixed(p95), fixed(p99), `${of.length}`];
  });
  say(
    `\na 640x480 JPEG of ${bytes.length} bytes through the child, ${title} (${runtime.backend}), ${runtime.threads} thread, ` +
      (kept ? `the child on core ${kept.join(', ')}` : 'the child on all cores'),
  );
  say(table(['step', 'p50 ms', 'p95 ms', 'p99 ms', 'frames'], rows));
  const ms = (ns: number) => fixed(ns / 1e6);
  say(
    `event loop delay of the daemon's side meanwhile (timer of 1 ms, its own 1 ms included): ` +
      `p50 ${ms(delay.percentile(50))}, p99 ${ms(delay.percentile(99))}, max ${ms(delay.max)} ms`,
  );
};

say(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model}`,
);
await contend();
await throughTheChild(null);
if (cpus().length > 1) await throughTheChild([cpus().length - 1]);
