import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SqliteJournal } from '../../device/journal/sqlite-journal.js';
import { SystemClock } from '../../device/kit/clock.js';
import { OutboxPublisher } from '../../device/network/mqtt/outbox-publisher.js';
import { percentiles } from '../../device/tools/bench/report.js';
import { quiet } from '../support/bin.js';
import { Consumer } from '../support/brokers/consumer.js';
import { Mosquitto } from '../support/brokers/mosquitto.js';
import { anEvent } from '../support/event.js';
import { makeBacklog } from '../support/journal/backlog.js';
import { journalOptions } from '../support/journal/journal-folder.js';
import { peakMb, processorSeconds, residentMb, writtenBytes } from '../support/processes.js';
import { inFolder, Sortbin } from '../support/sortbin.js';
import { until } from '../support/until.js';

/**
 * `npm run bench:mqtt [-- --events 100000 --window 16 --json]`: a bin publishes a backlog of events to Mosquitto.
 * Measures events per second, memory, processor time and bytes written. Then strace counts the syncs to disk of a
 * smaller backlog. Last comes the latency of single events.
 */
const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '100000' },
    window: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const EVENTS = Number(values.events);
/** strace makes each sync slower. Their number per event does not depend on the backlog. */
const TRACED_EVENTS = Math.min(EVENTS, 5_000);
const SINGLE_EVENTS = 200;
const PAUSE_MS = 20;
const TIMEOUT_MS = 1_200_000;

const configOf = (url: string) => `mqtt: { url: "${url}"${values.window ? `, window: ${values.window}` : ''} }
trigger: { script: [], repeat: false }
vision: { driver: simulated, script: [{ label: paper }] }
journal: { maxEvents: 1000000, maxOutbox: 1000000 }
log: { format: json }
`;

/** Publishes a backlog with a new broker. `measure` is called while the bin still runs. */
const publishBacklog = async <T>(
  count: number,
  prefix: (folder: string) => readonly string[],
  measure: (bin: Sortbin, consumer: Consumer, folder: string) => T | Promise<T>,
): Promise<T> => {
  let result: T | undefined;
  await inFolder('', async (folder) => {
    const broker = await Mosquitto.start(folder);
    const consumer = await Consumer.connect(broker.url);
    try {
      makeBacklog(join(folder, 'data'), count);
      writeFileSync(join(folder, 'sortbin.yaml'), configOf(broker.url));
      const bin = new Sortbin(['run'], folder, {}, 'pipe', prefix(folder));
      const output = () =>
        `all events, ${consumer.record.seqs.length} have arrived. The output is:\n${bin.text}`;
      const ended = bin
        .ended()
        .then((code) => Promise.reject(new Error(`the bin ended with ${code}: ${output()}`)));
      await Promise.race([ended, until(output, () => consumer.record.seqs.length >= count, TIMEOUT_MS)]);
      ended.catch(() => {});
      result = await measure(bin, consumer, folder);
      bin.kill('SIGTERM');
      await bin.ended();
    } finally {
      await consumer.close();
      await broker.stop();
    }
  });
  return result as T;
};

const backlog = await publishBacklog(
  EVENTS,
  () => [],
  async ({ pid }, { firstMs, lastMs, record }) => {
    // The last acknowledgements are still to be recorded.
    await wait(500);
    const perThousand = 1_000 / EVENTS;
    return {
      events: EVENTS,
      seconds: (lastMs - firstMs) / 1_000,
      eventsPerSecond: (EVENTS / (lastMs - firstMs)) * 1_000,
      repeated: record.repeatedByBin,
      inversions: record.inversions,
      peakMb: peakMb(pid),
      residentMb: residentMb(pid),
      writtenBytesPerThousand: writtenBytes(pid) * perThousand,
      processorMsPerThousand: processorSeconds(pid) * 1_000 * perThousand,
    };
  },
);

/** Returns the number of syncs per 1,000 events, or null if strace is not installed. */
const countSyncs = async (): Promise<number | null> => {
  const trace = (folder: string) => join(folder, 'strace.txt');
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' });
  } catch {
    return null;
  }
  return publishBacklog(
    TRACED_EVENTS,
    // With -D, the bin is the child process, and strace ends with it.
    (folder) => ['strace', '-D', '-f', '-o', trace(folder), '-e', 'trace=fsync,fdatasync'],
    async (_bin, _consumer, folder) => {
      await wait(500);
      const calls = existsSync(trace(folder)) ? readFileSync(trace(folder), 'utf8') : '';
      const count = calls.split('\n').filter((line) => /\b(fsync|fdatasync)\(/.test(line)).length;
      return (count / TRACED_EVENTS) * 1_000;
    },
  );
};

/** Returns the times from the end of `finish` to the arrival at the consumer. This process is bin and consumer. */
const measureLatency = async (): Promise<number[]> => {
  const latencies: number[] = [];
  await inFolder('', async (folder) => {
    const broker = await Mosquitto.start(folder);
    const consumer = await Consumer.connect(broker.url);
    const clock = new SystemClock();
    const journal = new SqliteJournal({ clock, ...journalOptions(join(folder, 'data')) });
    await journal.open();
    const options = { prefix: 'sortbin', bin: 'bin', broker: { url: broker.url, clientId: 'bench' } };
    const publisher = new OutboxPublisher(journal, options, { clock, random: Math.random, log: quiet });
    publisher.start();
    await until('the connection', () => publisher.status().connected);
    for (let event = 0; event < SINGLE_EVENTS; event++) {
      const arrived = new Promise<number>((resolve) => {
        consumer.onEvent = () => resolve(performance.now());
      });
      const id = `event-${event}`;
      await journal.finish(id, anEvent({ id }));
      const finishedMs = performance.now();
      publisher.notify();
      latencies.push((await arrived) - finishedMs);
      await wait(PAUSE_MS);
    }
    await publisher.close();
    await journal.close();
    await consumer.close();
    await broker.stop();
  });
  return latencies;
};

const syncsPerThousand = await countSyncs();
const { p50, p99 } = percentiles(await measureLatency());
const report = { ...backlog, syncsPerThousand, latencyMs: { p50, p99 } };
const lines = () => [
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model}`,
  `${EVENTS} events in ${backlog.seconds.toFixed(1)} s: ${backlog.eventsPerSecond.toFixed(0)} events/s, ${backlog.repeated} repeated, ${backlog.inversions} out of order`,
  `memory of the daemon: peak ${backlog.peakMb.toFixed(0)} MB, at the end ${backlog.residentMb.toFixed(0)} MB`,
  `per 1,000 events: ${backlog.processorMsPerThousand.toFixed(0)} ms of processor time, ${(backlog.writtenBytesPerThousand / 1024).toFixed(0)} KiB written, ${
    syncsPerThousand === null
      ? 'syncs not counted, because strace is not installed'
      : `${syncsPerThousand.toFixed(0)} syncs`
  }`,
  `latency of single events, from the journal to a subscriber: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
];
process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${lines().join('\n')}\n`);
