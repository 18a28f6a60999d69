import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { factoryBundle } from '../support/bundle-copy.js';
import { Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';
import { CountingProxy } from '../support/update/counting-proxy.js';
import { Repository } from '../tools/release/support.js';
import { BenchBin, type Operation } from './update/bench-bin.js';
import { bundleOfHistory, type Change, changedBundle } from './update/bundles.js';
import { type Fleet, simulateFleets } from './update/fleet-figures.js';
import { type Install, measureInstall } from './update/installs.js';
import { loadByClients, loadByRequests, measurePolls, type Poll, type Served } from './update/polls.js';
import { render } from './update/render.js';
import { type Waits, waitsOf } from './update/waits.js';

/**
 * `npm run bench:update [-- --switches 20 --bins 10000 --old FOLDER --json]`: a bin with the factory bundle 1.2.0 takes
 * the present one from a signed repository on this machine. Then it takes bundles of which a part changed, and its model
 * is switched many times. Items arrive all the time. Last come the polls of a fleet.
 */
const { values } = parseArgs({
  options: {
    switches: { type: 'string', default: '20' },
    bins: { type: 'string', default: '10000' },
    old: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const OLD_VERSION = '1.2.0';
const STEADY_MS = 500;
/** Items before the first update, and between two of them: a new model is trusted after 20. */
const BASELINE = 60;
const BETWEEN = 25;
const CLIENTS = 4;
const LOAD_MS = 10_000;

export interface UpdateReport {
  readonly schema: 1;
  readonly installs: readonly Install[];
  /** Items during these installs, and before them. */
  readonly during: readonly Waits[];
  readonly switches: readonly {
    readonly pace: string;
    readonly count: number;
    readonly waits: readonly Waits[];
  }[];
  readonly polls: readonly Poll[];
  readonly served: readonly Served[];
  readonly fleet: Fleet;
}

const base = mkdtempSync(join(tmpdir(), 'sortbin-bench-update-'));
const ends: (() => unknown)[] = [() => rmSync(base, { recursive: true })];

/** Serves a repository with `sortbin release serve`. */
const serve = async (repository: string): Promise<{ readonly pid: number; readonly url: URL }> => {
  const server = new Sortbin(['release', 'serve', repository, '--port', '0'], base);
  ends.unshift(() => {
    server.kill('SIGTERM');
    return server.ended();
  });
  const address = () => /^update: \{ url: "(.*?)"/m.exec(server.text)?.[1];
  await until('the server prints its address', () => address() !== undefined, 60_000);
  return { pid: server.pid, url: new URL(`${address()}/`) };
};

/** The polls of the bin wait for hours that are far away, so that only the commands of the bench install. */
const configOf = (old: string, url: URL, root: string): string => {
  const hour = (later: number) => `${(new Date().getHours() + later) % 24}`.padStart(2, '0');
  return `model: { bundle: ${old} }
update: { url: "${url}", root: ${root}, hours: "${hour(12)}:00-${hour(13)}:00" }
trigger: { driver: command }
camera: { driver: simulated, script: [{ picture: paper/paper18.jpg }, { picture: cardboard/cardboard391.jpg }] }
gate: { moveMs: 0 }
mqtt: { embedded: { port: 0 } }
log: { format: json }
`;
};

const switchModel = async (
  bin: BenchBin,
  versions: readonly [string, string],
  count: number,
): Promise<Operation[]> => {
  const operations: Operation[] = [];
  for (let index = 0; index < count; index++) {
    const version = versions[index % 2] ?? '';
    await bin.sortMore(10);
    const bundle = { name: 'waste12', version };
    operations.push(await bin.operate({ command: 'model.activate', bundle }, version));
  }
  await bin.sortMore(10);
  return operations;
};

const measure = async (): Promise<UpdateReport> => {
  const old = values.old ?? (await bundleOfHistory(OLD_VERSION, join(base, 'old')));
  const repository = new Repository(base);
  await repository.init();
  const server = await serve(repository.folder);
  const proxy = await CountingProxy.start(Number(server.url.port));
  ends.unshift(() => proxy.close());
  const folder = join(base, 'bin');
  await mkdir(folder);
  await writeFile(join(folder, 'sortbin.yaml'), configOf(old, proxy.url, repository.root));
  const bin = await BenchBin.start(folder);
  ends.unshift(() => bin.stop());

  bin.feed(STEADY_MS);
  await bin.sortMore(BASELINE);
  const parts = { bin, repository, proxy, store: join(folder, 'data/models') };
  const installs: Install[] = [];
  const operations: Operation[] = [];
  const take = async (change: string, bundle: string, version: string) => {
    const { install, operation } = await measureInstall(parts, { change, folder: bundle, version });
    installs.push(install);
    operations.push(operation);
    await bin.sortMore(BETWEEN);
  };
  let last = factoryBundle();
  const present = JSON.parse(readFileSync(join(last, 'manifest.json'), 'utf8')).version;
  await take('the whole bundle', last, present);
  const changes: readonly Change[] = ['all weights', 'TFLite weights', 'manifest alone'];
  for (const [index, change] of changes.entries()) {
    const version = `${present.replace(/\d+$/, '')}${index + 1}`;
    last = await changedBundle(last, join(base, version), version, change);
    await take(change, last, version);
  }
  const during = waitsOf(bin.items, operations);

  const switches: UpdateReport['switches'][number][] = [];
  for (const everyMs of [STEADY_MS, null]) {
    await bin.rest();
    const from = bin.items.length;
    bin.feed(everyMs);
    await bin.sortMore(BASELINE);
    const made = await switchModel(bin, [OLD_VERSION, present], Number(values.switches));
    const pace = everyMs === null ? 'one item after the other' : `one item each ${everyMs} ms`;
    switches.push({ pace, count: made.length, waits: waitsOf(bin.items.slice(from), made) });
  }
  await bin.stop();
  ends.shift();

  const next = await changedBundle(last, join(base, 'next'), '9.0.0', 'TFLite weights');
  const polls = await measurePolls(repository, proxy, join(base, 'poll'), next);
  const [, { requests } = { requests: 0 }] = polls;
  const client = { rootJson: readFileSync(repository.root, 'utf8'), folder: join(base, 'load'), requests };
  const served = [
    await loadByClients(server, { ...client, clients: CLIENTS }, LOAD_MS),
    await loadByRequests(server, CLIENTS, LOAD_MS),
  ];
  const fleet = await simulateFleets(Number(values.bins));
  return { schema: 1, installs, during, switches, polls, served, fleet };
};

try {
  const report = await measure();
  process.stdout.write(`${values.json ? JSON.stringify(report) : render(report)}\n`);
} finally {
  for (const end of ends) await end();
}
