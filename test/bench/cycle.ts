import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { parseConfig } from '../../device/config/load.js';
import type { Journalled, Observer } from '../../device/cycle/observer.js';
import { Runner } from '../../device/cycle/runner.js';
import { startParts } from '../../device/daemon/bin-parts.js';
import { ServiceList } from '../../device/daemon/service-list.js';
import { SimulatedTrigger } from '../../device/hardware/trigger/simulated-trigger.js';
import { SystemClock } from '../../device/kit/clock.js';
import { newId } from '../../device/kit/ids.js';
import { ForkedVision } from '../../device/perception/vision/forked-vision.js';
import { table } from '../../device/tools/bench/render.js';
import { percentiles } from '../../device/tools/bench/report.js';
import { cycleOptions } from '../../device/wire/loaded-config.js';
import { residentMb } from '../support/processes.js';

/**
 * `npm run bench:cycle [-- CYCLES]`: runs the complete bin over real images, with the journal on disk, the embedded
 * broker and the vision process. The gate takes no time, so that only the program is measured.
 */
const CYCLES = Number(process.argv[2] ?? 500);
const WARM_UP = 20;

const folder = await mkdtemp(join(tmpdir(), 'sortbin-bench-'));
const config = parseConfig(
  'camera: { delayMs: 0 }\ngate: { moveMs: 0 }\nmqtt: { embedded: { port: 0 } }\ntrigger: { script: [], repeat: false }\n',
  'bench',
);
const log = pino({ level: 'warn' });
const clock = new SystemClock();
const { signal } = new AbortController();
const services = new ServiceList({ stopMs: 5_000, clock, log });
const onFatal = (error: unknown) => {
  throw error;
};
const loaded = { config, folder, log };
const { journal, hardware, camera, model, publisher } = await startParts(
  loaded,
  clock,
  services,
  onFatal,
  signal,
);
const { info, vision } = model.active;
const { trigger, gate, panel } = hardware;
if (!(trigger instanceof SimulatedTrigger && vision instanceof ForkedVision))
  throw new Error('the trigger and the vision process are not those of this benchmark');
publisher.start();

let settle: (journalled: Journalled) => void = () => {};
const parts = { trigger, camera, model, gate, light: panel.light, journal, clock, newId, log };
const event: Observer['event'] = (one, finished) => {
  publisher.notify();
  if (finished) settle({ event: one, finished });
};
const runner = new Runner(parts, cycleOptions(config), { event }, onFatal);
await services.start({ name: 'cycle', start: () => runner.start(), stop: () => runner.stop() }, signal);

const next = () =>
  new Promise<Journalled>((resolve) => {
    settle = resolve;
    trigger.fire('bench');
  });
for (let count = 0; count < WARM_UP; count++) await next();

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const steps = new Map<string, number[]>();
const add = (step: string, ms: number) => steps.set(step, [...(steps.get(step) ?? []), ms]);
for (let count = 0; count < CYCLES; count++) {
  const { event, finished } = await next();
  const { move, trigger: fired } = finished.item;
  for (const [step, ms] of Object.entries(event.timingsMs)) add(step, ms);
  if (!move) continue;
  const toGate = move.commandedAtMs - fired.atMs;
  add('trigger to gate', toGate);
  add('trigger to gate without invoke', toGate - (event.timingsMs.invoke ?? 0));
}
delay.disable();

const daemonMb = residentMb(process.pid);
const visionMb = residentMb(vision.pid ?? 0);
const ms = (ns: number) => (ns / 1e6).toFixed(2);
const rows = [...steps].map(([step, values]) => {
  const { p50, p95, p99 } = percentiles(values);
  return [step, ...[p50, p95, p99].map((value) => value.toFixed(2)), `${values.length}`];
});
process.stdout.write(
  `${[
    `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model}`,
    `${info.model.name} ${info.model.version} on ${info.runtime.name} (${info.runtime.backend}, ${info.runtime.threads} thread), ${CYCLES} cycles`,
    table(['step', 'p50 ms', 'p95 ms', 'p99 ms', 'cycles'], rows),
    `RSS: daemon ${daemonMb.toFixed(0)} MB + vision process ${visionMb.toFixed(0)} MB = ${(daemonMb + visionMb).toFixed(0)} MB`,
    `event loop delay of the daemon: p50 ${ms(delay.percentile(50))}, p99 ${ms(delay.percentile(99))}, max ${ms(delay.max)} ms`,
  ].join('\n')}\n`,
);

await services.stop();
await rm(folder, { recursive: true, force: true });
