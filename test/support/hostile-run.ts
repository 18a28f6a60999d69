import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Frame } from '../../device/hardware/camera/camera.js';
import { SystemClock } from '../../device/kit/clock.js';
import { withDeadline } from '../../device/kit/deadline.js';
import type { Answer } from '../../device/kit/errors.js';
import { ForkedVision } from '../../device/perception/vision/forked-vision.js';
import { SAMPLES } from './bin.js';
import { factoryBundle } from './bundle-copy.js';
import { hostileFrames } from './hostile-frames.js';
import { makeVisionOptions } from './vision-options.js';

/** The default of `cycle.classifyMs`. */
const DEADLINE_MS = 3_000;
const GOOD_EVERY = 100;

export interface HostileReport {
  /** Number of frames by the way they were made, and by their label or fault. */
  readonly answers: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Number of unchanged images among them that were not classified as paper. */
  readonly goodFailed: number;
  readonly restarts: number;
  readonly longestMs: number;
  /** Resident memory of the vision process after its start and at the end, in MB. */
  readonly memoryMb: readonly [number, number];
}

/** Sends hostile frames through a vision process, each within the deadline of the cycle. Raw ones are also encoded. */
export const sendHostileFrames = async (seed: number, count: number): Promise<HostileReport> => {
  const clock = new SystemClock();
  const log = pino({ level: 'silent' });
  const vision = new ForkedVision({ ...makeVisionOptions(factoryBundle()), clock, log });
  let restarts = 0;
  vision.onChange(() => {
    restarts += 1;
  });
  const good = { id: 'good', bytes: await readFile(join(SAMPLES, 'paper/paper18.jpg')) };
  const goodFrame: Frame = { ...good, capturedAtMs: 0, capturedAtWallMs: 0 };
  const answers: Record<string, Record<string, number>> = {};
  let goodFailed = 0;
  let longestMs = 0;
  const timed = async <T>(work: (signal: AbortSignal) => Promise<Answer<T>>): Promise<Answer<T>> => {
    const startMs = clock.monotonicMs();
    const answer = await withDeadline(clock, DEADLINE_MS + 2_000, (outer) =>
      work(AbortSignal.any([outer, AbortSignal.timeout(DEADLINE_MS)])),
    );
    longestMs = Math.max(longestMs, clock.monotonicMs() - startMs);
    return answer;
  };
  const classifyGood = async () => {
    const answer = await timed((signal) => vision.classify(goodFrame, signal));
    if (!(answer.ok && answer.value.label === 'paper')) goodFailed += 1;
  };
  await vision.start(AbortSignal.timeout(60_000));
  try {
    for (let warmUp = 0; warmUp < 20; warmUp++) await classifyGood();
    const memoryAtStart = await memoryOf(vision.pid);
    let sent = 0;
    for await (const { kind, frame } of hostileFrames(seed, count)) {
      const answer = await timed((signal) => vision.classify(frame, signal));
      const outcome = answer.ok ? 'classified' : answer.fault.code;
      const row = answers[kind] ?? {};
      answers[kind] = { ...row, [outcome]: (row[outcome] ?? 0) + 1 };
      if (frame.format) {
        await timed((signal) => vision.toJpeg(frame, signal));
        await timed((signal) => vision.inspect(frame, signal));
      }
      sent += 1;
      if (sent % GOOD_EVERY === 0) await classifyGood();
    }
    const memoryAtEnd = await memoryOf(vision.pid);
    return { answers, goodFailed, restarts, longestMs, memoryMb: [memoryAtStart, memoryAtEnd] };
  } finally {
    await vision.close();
  }
};

/** Returns the resident memory of a process in MB. */
const memoryOf = async (pid: number | undefined): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024);
};
