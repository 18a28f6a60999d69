import { z } from 'zod';
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../kit/clock.js';
import type { Publisher } from '../network/mqtt/mqtt.js';
import { binStateSchema } from '../status/bin-state.js';
import { faultMessageSchema, faultsByCode, raisedMessage } from '../status/fault-message.js';
import type { Liveness, LivenessState } from '../status/liveness.js';
import { type MachineReport, machineReportSchema } from '../status/machine-report.js';
import { MODES, modeOf } from '../status/mode.js';
import type { Status } from '../status/status.js';
import { rejectionSchema, updateStatusSchema } from '../update/status-schema.js';
import { countersSoon } from './bin-messages.js';
import type { UpdateSummary } from './update-summary.js';

const livenessSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true).describe('Whether all parts make progress') }),
  z.object({
    ok: z.literal(false),
    stalled: z
      .array(
        z.object({
          part: z.string().describe('`event-loop`, `camera`, `journal` or `vision`'),
          sinceMs: z.number().meta({ description: 'Since when, on the monotonic clock', unit: 'ms' }),
          reason: z.string().describe('What does not end'),
        }),
      )
      .describe('Only if not `ok`: the parts that make no progress'),
  }),
]);

const updateSummarySchema = updateStatusSchema.omit({ rejected: true, fault: true }).extend({
  hasRepository: z.boolean().describe('Whether `update.url` is set'),
  lastRejection: rejectionSchema.nullable().describe('The newest rejected bundle'),
}) satisfies z.ZodType<UpdateSummary>;

/** The value of the command `status`. */
export const statusAnswerSchema = z.object({
  mode: z.enum(MODES).describe('What the bin does, see [Modes](#modes)'),
  state: binStateSchema.describe('What the topic `state` is made of'),
  faults: z.array(faultMessageSchema).describe('The faults in force, each as in its topic'),
  machine: machineReportSchema.describe('The readings of the machine, as in [Statistics](#statistics)'),
  liveness: livenessSchema.describe('Whether the program makes progress'),
  broker: z
    .object({
      url: z.string().describe('Its address, without user name and password'),
      connected: z.boolean().describe('Whether it is connected'),
    })
    .describe('The broker'),
  waiting: z
    .int()
    .nonnegative()
    .nullable()
    .describe('Events that wait for the broker; `null`: the journal gives no answer within 1 s'),
  update: updateSummarySchema
    .nullable()
    .describe('The state of updates; `null`: they are not configured, and were never used'),
});
export interface StatusAnswer extends Omit<z.infer<typeof statusAnswerSchema>, 'liveness' | 'update'> {
  readonly liveness: LivenessState;
  readonly update: UpdateSummary | null;
}

export interface StatusParts {
  readonly status: Pick<Status, 'snapshot'>;
  readonly liveness: Pick<Liveness, 'healthy'>;
  readonly journal: Pick<Journal, 'counters'>;
  readonly publisher: Pick<Publisher, 'status'>;
  /** Without a login. */
  readonly brokerUrl: string;
  /** Returns the newest readings of the machine. */
  readonly machine: () => MachineReport;
  /** Returns the state of updates; null: they are not configured. */
  readonly updates: () => UpdateSummary | null;
  readonly clock: Clock;
}

/** Returns the state of a bin and of its connections. Never rejects. */
export const readStatus = async ({
  status,
  liveness,
  journal,
  publisher,
  brokerUrl,
  machine,
  updates,
  clock,
}: StatusParts): Promise<StatusAnswer> => {
  const counters = await countersSoon(journal, clock);
  const state = status.snapshot();
  return {
    state,
    liveness: liveness.healthy(),
    broker: { url: brokerUrl, connected: publisher.status().connected },
    waiting: counters && counters.pending - counters.undeliverable,
    update: updates(),
    mode: modeOf(state),
    faults: Object.entries(faultsByCode(state.faults)).map(([code, fault]) => raisedMessage(code, fault)),
    machine: machine(),
  };
};
