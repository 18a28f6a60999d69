import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseConfig } from '../../device/config/load.js';
import type { Journalled, Observer } from '../../device/cycle/observer.js';
import { Runner } from '../../device/cycle/runner.js';
import { startParts } from '../../device/daemon/bin-parts.js';
import { ServiceList } from '../../device/daemon/service-list.js';
import { SimulatedTrigger } from '../../device/hardware/trigger/simulated-trigger.js';
import { SystemClock } from '../../device/kit/clock.js';
import { newId } from '../../device/kit/ids.js';
import { table } from '../../device/tools/bench/render.js';
import { cycleOptions } from '../../device/wire/loaded-config.js';
import { quiet } from '../support/bin.js';
import { FakeRpicam } from '../support/hardware/fake-rpicam.js';
import { childrenOf } from '../support/processes.js';

/**
 * `npm run test:soak-camera [-- --items 20000]`: sorts items with the driver `rpicam` and a fake rpicam-vid, with the
 * journal on disk and the embedded broker. In the first half, the camera crashes at intervals. In the second half, one
 * stream runs. Measures memory, descriptors and child processes. Exit code 1 if they grow, or if an item is not sorted
 * with a frame that is newer than its trigger. The deadline of a capture is long, so that a busy machine passes too.
 */
const { values } = parseArgs({ options: { items: { type: 'string', default: '20000' } } });
const ITEMS = Number(values.items);
const ROWS = 10;
const CRASH_EVERY = 125;
/** Until then, caches and compiled code grow. */
const WARM_UP = Math.min(2_000, ITEMS);
/** A leaked frame is 2 kB for each item: 40 MB in 20000 items. */
const ALLOWED_RSS_MB = 10;
const ALLOWED_HEAP_MB = 2;

const fake = new FakeRpicam();
const folder = mkdtempSync(join(tmpdir(), 'sortbin-soak-'));
const config = parseConfig(
  `
camera: { driver: rpicam, program: ${fake.program}, framesPerSecond: 120, dropFrames: 2 }
trigger: { script: [], repeat: false }
vision: { driver: simulated, script: [{ label: paper }] }
gate: { moveMs: 0 }
journal: { maxEvents: 1000, maxOutbox: 1000, frames: { maxCount: 100, maxBytes: 1000000 } }
cycle: { captureMs: 30000 }
mqtt: { embedded: { port: 0 } }
`,
  'soak',
);
const clock = new SystemClock();
const { signal } = new AbortController();
const services = new ServiceList({ stopMs: 5_000, clock, log: quiet });
const onFatal = (error: unknown) => {
  throw error;
};
const parts = await startParts({ config, folder, log: quiet }, clock, services, onFatal, signal);
const { journal, hardware, camera, model, publisher } = parts;
const { trigger, gate, panel } = hardware;
if (!(trigger instanceof SimulatedTrigger)) throw new Error('the trigger is not that of this soak');
publisher.start();

let settle: (journalled: Journalled) => void = () => {};
const event: Observer['event'] = (one, finished) => {
  publisher.notify();
  if (finished) settle({ event: one, finished });
};
const runner = new Runner(
  { trigger, camera, model, gate, light: panel.light, journal, clock, newId, log: quiet },
  cycleOptions(config),
  { event },
  onFatal,
);
await services.start({ name: 'cycle', start: () => runner.start(), stop: () => runner.stop() }, signal);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const measure = () => {
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  const descriptors = readdirSync('/proc/self/fd').length;
  return { rssMb: rss / 2 ** 20, heapMb: heapUsed / 2 ** 20, descriptors, children: childrenOf().length };
};

const failures: string[] = [];
const sortItem = async (item: number): Promise<void> => {
  const { event: sorted, finished } = await new Promise<Journalled>((resolve) => {
    settle = resolve;
    trigger.fire('soak');
  });
  const { frame, trigger: fired } = finished.item;
  if (sorted.outcome !== 'sorted') failures.push(`item ${item} ${sorted.outcome}: ${sorted.fault?.message}`);
  else if (!frame || frame.capturedAtMs <= fired.atMs)
    failures.push(`item ${item}: its frame is older than its trigger`);
};

const startMs = performance.now();
const rows: string[][] = [];
let crashes = 0;
let warm = measure();
let last = warm;
for (let item = 1; item <= ITEMS; item++) {
  if (item % CRASH_EVERY === 0 && item <= ITEMS / 2) {
    process.kill(fake.pids.at(-1) ?? 0, 'SIGKILL');
    crashes += 1;
  }
  await sortItem(item);
  if (item === WARM_UP) warm = measure();
  if (item % Math.ceil(ITEMS / ROWS) !== 0) continue;
  last = measure();
  const { rssMb, heapMb, descriptors, children } = last;
  rows.push([`${item}`, rssMb.toFixed(1), heapMb.toFixed(1), `${descriptors}`, `${children}`]);
}
const minutes = (performance.now() - startMs) / 60_000;
await services.stop();
fake.remove();
rmSync(folder, { recursive: true, force: true });

process.stdout.write(
  `${table(['items', 'RSS MB', 'heap MB', 'descriptors', 'child processes'], rows)}\n` +
    `${ITEMS} items in ${minutes.toFixed(1)} min, ${crashes} crashes of the camera, ${failures.length} failures\n`,
);
if (last.rssMb > warm.rssMb + ALLOWED_RSS_MB) failures.push('the memory of the process has grown');
if (last.heapMb > warm.heapMb + ALLOWED_HEAP_MB) failures.push('the heap has grown');
if (last.descriptors > warm.descriptors) failures.push('the number of descriptors has grown');
if (last.children > warm.children) failures.push('the number of child processes has grown');
for (const failure of failures.slice(0, 10)) process.stdout.write(`${failure}\n`);
if (failures.length > 0) process.exitCode = 1;
