import { z } from 'zod';
import type { JournalCounters } from '../journal/journal.js';
import { count, countersSchema } from './bin-state.js';
import type { StepLatency } from './latency.js';
import { type MachineReport, machineReportSchema } from './machine-report.js';
import type { BinState } from './status.js';

/** The payload of the topic `stats`. The format only gains keys. */
export const statsMessageSchema = z.object({
  schema: z.literal(1).describe('Version of the format'),
  at: z.iso.datetime().describe('Time of the message'),
  uptimeS: count.meta({ description: 'Time since the start of the program', unit: 's' }),
  rssBytes: count.meta({
    description: 'Memory of the daemon, without its child processes',
    unit: 'bytes',
  }),
  connections: count.describe('Number of connections to the broker since the start'),
  outbox: z
    .object({
      waiting: count.describe('Events that wait for the broker'),
      undeliverable: count.describe('As `counters.undeliverable` in [State](#state)'),
      dropped: count.describe('As `counters.dropped` in [State](#state)'),
    })
    .nullable()
    .describe('The outbox; `null`: the journal gives no answer'),
  latencyMs: z
    .record(
      z.string(),
      z.object({
        p50: z.number().meta({ description: 'Half of the items took at most this time', unit: 'ms' }),
        p95: z.number().meta({ description: '95 % of the items took at most this time', unit: 'ms' }),
        items: count.describe('Number of items that this is from'),
      }),
    )
    .describe('For each [step](#timings), of the newest 200 items since the start'),
  counts: countersSchema
    .pick({ since: true, outcomes: true, labels: true, compartments: true, reasons: true })
    .describe('What the bin has counted, as `counters` in [State](#state)'),
  machine: machineReportSchema.describe('Readings of the machine; `null`: it does not have this reading'),
});

export type StatsMessage = z.infer<typeof statsMessageSchema>;

/** What the statistics are made of. */
export interface StatsSources extends Pick<StatsMessage, 'rssBytes' | 'connections'> {
  readonly state: Pick<BinState, 'at' | 'counters'>;
  readonly uptimeMs: number;
  readonly journal: JournalCounters | null;
  readonly latency: Readonly<Record<string, StepLatency>>;
  readonly machine: MachineReport;
}

/** Returns the payload of the topic `stats`. Pure. */
export const statsMessage = (sources: StatsSources): StatsMessage => {
  const { state, uptimeMs, journal, latency, machine, rssBytes, connections } = sources;
  const { since, outcomes, labels, compartments, reasons } = state.counters;
  return {
    schema: 1,
    at: state.at,
    uptimeS: Math.floor(uptimeMs / 1_000),
    rssBytes,
    connections,
    outbox: journal && {
      waiting: journal.pending - journal.undeliverable,
      undeliverable: journal.undeliverable,
      dropped: journal.dropped,
    },
    latencyMs: latency,
    counts: { since, outcomes, labels, compartments, reasons },
    machine,
  };
};
