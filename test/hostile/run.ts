/** `npm run test:hostile`: sends 2,000 damaged images and impossible raw frames through a vision process. */
import { sendHostileFrames } from '../support/hostile-run.js';

const COUNT = 2_000;
const seed = Number(process.argv[2] ?? 1);

const report = await sendHostileFrames(seed, COUNT);
const { answers, goodFailed, restarts, longestMs, memoryMb } = report;
const total = Object.values(answers).reduce(
  (sum, row) => sum + Object.values(row).reduce((a, b) => a + b, 0),
  0,
);
process.stdout.write(`${JSON.stringify(answers, null, 2)}\n`);
process.stdout.write(
  `seed ${seed}: ${total} frames answered, ${restarts} restarts, longest answer ${Math.round(longestMs)} ms, ` +
    `${goodFailed} unchanged images failed, ` +
    `vision process ${memoryMb[0]} MB at the start and ${memoryMb[1]} MB at the end, ` +
    `daemon side ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MB\n`,
);
process.exitCode = total === COUNT && restarts === 0 && goodFailed === 0 ? 0 : 1;
