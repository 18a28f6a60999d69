import { z } from 'zod';
import type { JournalCounters } from '../journal/journal.js';
import type { StepLatency } from './latency.js';
import { type MachineReport, machineReportSchema } from './machine-report.js';
import type { BinState } from './status.js';

const count = z.int().nonnegative();
const counts = z.record(z.string(), count);

/** The payload of the topic `stats`. The format only gains keys. */
export const statsMessageSchema = z.object({
  schema: z.literal(1),
  at: z.iso.datetime(),
  uptimeS: count.describe('Seconds since the start of the program'),
  rssBytes: count.describe('Memory of the daemon, without its child processes'),
  connections: count.describe('Connections to the broker since the start'),
  outbox: z
    .object({
      waiting: count.describe('Events that wait for the broker'),
      undeliverable: count,
      dropped: count,
    })
    .nullable()
    .describe('null: the journal gives no answer'),
  latencyMs: z
    .record(z.string(), z.object({ p50: z.number(), p95: z.number(), items: count }))
    .describe('By step, of the newest 200 items since the start'),
  counts: z.object({
    since: z.iso.datetime(),
    outcomes: counts,
    labels: counts,
    compartments: counts.describe('Since the compartment was reported as emptied'),
    reasons: counts,
  }),
  machine: machineReportSchema,
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
