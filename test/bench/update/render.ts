import { cpus } from 'node:os';
import { table } from '../../../device/tools/bench/render.js';
import type { UpdateReport } from '../update.js';
import type { Fleet } from './fleet-figures.js';
import type { Install, Traffic } from './installs.js';
import type { Poll, Served } from './polls.js';
import type { Waits } from './waits.js';

const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(1);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(2);
const seconds = (ms: number): string => (ms / 1000).toFixed(2);

/** Formats the report for a terminal of 80 columns. */
export const render = ({ installs, during, switches, polls, served, fleet }: UpdateReport): string =>
  [
    `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model}`,
    `From the announcement to active, in seconds\n${timeTable(installs)}`,
    `Bytes of these updates\n${byteTable(installs)}`,
    `Items every 500 ms during these updates\n${waitTable(during)}`,
    ...switches.map(
      ({ pace, count, waits }) => `${count} switches by \`activate\`, ${pace}\n${waitTable(waits)}`,
    ),
    `One poll\n${pollTable(polls)}`,
    `sortbin release serve\n${servedTable(served)}`,
    `${fleet.bins} bins, polls per second\n${fleetTable(fleet)}`,
  ].join('\n\n');

const timeTable = (installs: readonly Install[]): string =>
  table(
    ['what changed', 'metadata', 'download', 'checks', 'exchange', 'total'],
    installs.map(({ change, phasesMs: { metadata, download, checks, exchange }, totalMs }) => [
      change,
      ...[metadata, download, checks, exchange, totalMs].map(seconds),
    ]),
  );

const trafficText = ({ requests, bytes }: Traffic, text: (bytes: number) => string): string[] => [
  `${requests}`,
  text(bytes),
];

const byteTable = (installs: readonly Install[]): string =>
  table(
    ['what changed', 'bundle', 'files', 'MB', 'metadata', 'kB', 'stored', 'connections'],
    installs.map(({ change, bundleBytes, files, metadata, storedBytes, connections }) => [
      change,
      megabytes(bundleBytes),
      ...trafficText(files, megabytes),
      ...trafficText(metadata, kilobytes),
      megabytes(storedBytes),
      `${connections}`,
    ]),
  );

const waitTable = (waits: readonly Waits[]): string => {
  const usual = waits.find(({ moment }) => moment === 'no update')?.p50 ?? Number.NaN;
  return table(
    ['trigger to outcome, ms', 'items', 'busy', 'failed', 'p50', 'p95', 'max', 'max - usual'],
    waits.map(({ moment, items, busy, failed, p50, p95, max }) => [
      moment,
      `${items}`,
      `${busy}`,
      `${failed}`,
      ...[p50, p95, max, max - usual].map((ms) => ms.toFixed(0)),
    ]),
  );
};

const pollTable = (polls: readonly Poll[]): string =>
  table(
    ['poll', 'requests', 'kB', 'connections'],
    polls.map(({ what, connections, ...traffic }) => [
      what,
      ...trafficText(traffic, kilobytes),
      `${connections}`,
    ]),
  );

const servedTable = (served: readonly Served[]): string =>
  table(
    ['load', 'requests/s', 'processor ms per request'],
    served.map(({ what, requestsPerSecond, processorMsPerRequest }) => [
      what,
      requestsPerSecond.toFixed(0),
      processorMsPerRequest.toFixed(2),
    ]),
  );

const fleetTable = ({ bins, everyMinutes, computedPerSecond, scenarios }: Fleet): string =>
  table(
    ['simulated', 'polls', 'mean/s', 'p99/s', 'max/s'],
    [
      [`computed: ${bins} / ${everyMinutes} min`, '', computedPerSecond.toFixed(2), '', ''],
      ...scenarios.map(({ what, polls: count, perSecond, p99, max }) => [
        what,
        `${count}`,
        perSecond.toFixed(2),
        `${p99}`,
        `${max}`,
      ]),
    ],
  );
