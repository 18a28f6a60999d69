/**
 * `npm run test:hostile [-- --frames 2000 --seed 1]`: sends damaged images and raw frames through a daemon, with each
 * camera driver that has a stream. Exit code 1 if the daemon fails, a process is restarted often, or a normal image among
 * them is not classified.
 */
import { parseArgs } from 'node:util';
import { HOSTILE_CAMERAS } from '../support/hostile/cameras.js';
import { runHostile } from '../support/hostile/run.js';

const { values } = parseArgs({
  options: { frames: { type: 'string', default: '2000' }, seed: { type: 'string', default: '1' } },
});
const names = Object.keys(HOSTILE_CAMERAS) as (keyof typeof HOSTILE_CAMERAS)[];
const count = Math.ceil(Number(values.frames) / names.length);
for (const name of names) {
  const startMs = performance.now();
  const { items, total, restarts, longestMs, memoryMb, problems } = await runHostile(
    name,
    Number(values.seed),
    count,
  );
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  process.stdout.write(
    `${name}: ${JSON.stringify(items, null, 2)}\n` +
      `${name}, seed ${values.seed}: ${total} items in ${seconds} s, the longest in ${Math.round(longestMs)} ms. ` +
      `Restarts: vision process ${restarts.vision}, camera program ${restarts.camera}. ` +
      `Memory: daemon ${memoryMb.daemon.join(' to ')} MB, vision process ${memoryMb.vision.join(' to ')} MB.\n`,
  );
  for (const problem of problems.slice(0, 10)) process.stdout.write(`${name}: ${problem}\n`);
  if (problems.length > 0) process.exitCode = 1;
}
