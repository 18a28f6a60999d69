import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { SystemClock } from '../../../device/kit/clock.js';
import { planAdd } from '../../../device/tools/release/add.js';
import { planTimestamp } from '../../../device/tools/release/sign.js';
import { ThreadedRepository } from '../../../device/update/repository/threaded-repository.js';
import { processorSeconds } from '../../support/processes.js';
import { unwrap } from '../../support/unwrap.js';
import type { CountingProxy } from '../../support/update/counting-proxy.js';
import { applied, type Repository } from '../../tools/release/support.js';
import { type Traffic, trafficOf } from './installs.js';

export interface Poll extends Traffic {
  readonly what: string;
  readonly connections: number;
}

const openClient = async (folder: string, url: URL, rootJson: string): Promise<ThreadedRepository> => {
  const client = new ThreadedRepository({ folder, url, builtAtMs: 0, clock: new SystemClock() });
  unwrap(await client.trustRoot(rootJson));
  return client;
};

const { signal } = new AbortController();

/** Returns the requests and bytes of single polls. The bin has waited between them, so that no connection is left. */
export const measurePolls = async (
  repository: Repository,
  proxy: CountingProxy,
  folder: string,
  newBundle: string,
): Promise<Poll[]> => {
  const client = await openClient(join(folder, 'client'), proxy.url, readFileSync(repository.root, 'utf8'));
  const polls: Poll[] = [];
  const measure = async (what: string) => {
    proxy.cut();
    proxy.take();
    unwrap(await client.refresh(signal));
    const exchanges = proxy.take();
    const connections = new Set(exchanges.map(({ connection }) => connection)).size;
    polls.push({ what, ...trafficOf(exchanges), connections });
  };
  await measure('first poll of a bin');
  await measure('nothing new');
  await applied(planTimestamp(repository.state, repository.signing()));
  await measure('timestamp signed again');
  await applied(planAdd(repository.state, newBundle, repository.signing()));
  await measure('new bundle, metadata only');
  await client.close();
  return polls;
};

export interface Served {
  readonly what: string;
  readonly requestsPerSecond: number;
  /** Of the server, in milliseconds. */
  readonly processorMsPerRequest: number;
}

interface Server {
  readonly url: URL;
  readonly pid: number;
}

/** Lets workers send requests for a time. `send` returns the number of requests that it sent. */
const load = async (
  what: string,
  { pid }: Server,
  senders: readonly (() => Promise<number>)[],
  durationMs: number,
): Promise<Served> => {
  const [startMs, startS] = [performance.now(), processorSeconds(pid)];
  const counts = senders.map(async (send) => {
    let count = 0;
    while (performance.now() - startMs < durationMs) count += await send();
    return count;
  });
  const requests = (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  const processorMs = (processorSeconds(pid) - startS) * 1000;
  return {
    what,
    requestsPerSecond: (requests / (performance.now() - startMs)) * 1000,
    processorMsPerRequest: processorMs / requests,
  };
};

/** Real clients that poll without a pause. Each poll sends `requests` requests. */
export const loadByClients = async (
  server: Server,
  {
    rootJson,
    folder,
    clients,
    requests,
  }: { rootJson: string; folder: string; clients: number; requests: number },
  durationMs: number,
): Promise<Served> => {
  const open = (_: unknown, index: number) =>
    openClient(join(folder, `client-${index}`), server.url, rootJson);
  const repositories = await Promise.all(Array.from({ length: clients }, open));
  for (const repository of repositories) unwrap(await repository.refresh(signal));
  const senders = repositories.map((repository) => async () => {
    unwrap(await repository.refresh(signal));
    return requests;
  });
  const served = await load(`${clients} bins poll without a pause`, server, senders, durationMs);
  for (const repository of repositories) await repository.close();
  return served;
};

/** Plain requests for the timestamp over connections that stay open: what the server can do. */
export const loadByRequests = async (
  server: Server,
  connections: number,
  durationMs: number,
): Promise<Served> => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const url = new URL('metadata/timestamp.json', server.url);
  const get = () =>
    new Promise<number>((resolve, reject) => {
      const sent = request(url, { agent }, (response) => {
        response.resume().on('end', () => resolve(1));
        if (response.statusCode !== 200) reject(new Error(`${url}: HTTP ${response.statusCode}`));
      });
      sent.on('error', reject).end();
    });
  const served = await load(
    `timestamp over ${connections} connections`,
    server,
    new Array(connections).fill(get),
    durationMs,
  );
  agent.destroy();
  return served;
};
