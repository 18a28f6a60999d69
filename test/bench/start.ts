import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { table } from '../../device/tools/bench/render.js';
import { percentiles } from '../../device/tools/bench/report.js';
import { NotifySocket } from '../support/network/notify-socket.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

/**
 * `npm run bench:start [-- STARTS]`: measures the time from the start of the process until the bin accepts items, with
 * simulated hardware and the factory bundle. Half of the starts are under a receiver in place of systemd.
 */
const STARTS = Number(process.argv[2] ?? 15);
const CONFIG = 'dataDir: data\nlog: { format: json, level: debug }\nmqtt: { embedded: { port: 0 } }\n';

/** Returns milliseconds until the first phase `idle`, or until READY=1. */
const measure = async (socket: NotifySocket | null): Promise<number> => {
  let ms = 0;
  await inFolder(CONFIG, async (folder) => {
    const sinceMs = performance.now();
    const environment = socket ? { NOTIFY_SOCKET: socket.name } : {};
    const bin = new Sortbin(['run', '-c', 'sortbin.yaml'], folder, environment);
    const isReady = () =>
      socket ? socket.received().includes('READY=1') : bin.lines.some(({ msg }) => msg === 'cycle: idle');
    await until(() => `the bin is ready\n${bin.text}`, isReady, 60_000);
    ms = performance.now() - sinceMs;
    bin.kill('SIGKILL');
    await bin.ended();
  });
  return ms;
};

const times = { without: [] as number[], with: [] as number[] };
for (let start = 0; start < STARTS; start += 1) {
  times.without.push(await measure(null));
  const socket = new NotifySocket(join(tmpdir(), `sortbin-start-${process.pid}`));
  times.with.push(await measure(socket));
  socket.close();
}

const row = (name: string, values: readonly number[]) => {
  const { p50, p95 } = percentiles(values);
  return [name, ...[Math.min(...values), p50, p95].map((ms) => `${Math.round(ms)}`)];
};
process.stdout.write(
  `${STARTS} starts each, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}, Node ${process.versions.node}\n` +
    `${table(
      ['start', 'least ms', 'p50 ms', 'p95 ms'],
      [row('idle, without systemd', times.without), row('READY=1, with a receiver', times.with)],
    )}\n`,
);
process.exit();
