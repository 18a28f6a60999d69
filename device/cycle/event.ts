import { z } from 'zod';
import type { Trigger } from '../hardware/trigger/trigger.js';
import type { Finished } from './state.js';

/** The origin of an event: the bin's id and the state of its clock. */
export interface Origin {
  readonly bin: string;
  readonly clock: 'synchronised' | 'free';
}

const finite = z.number();

/** One event: the journal's row and the MQTT message. The format only gains keys; no key changes or goes away. */
export const eventSchema = z.object({
  schema: z.literal(1),
  id: z.string().describe('UUIDv7. A consumer drops an id that it has already received'),
  bin: z.string(),
  epoch: z.uuid().describe('Id of the journal. A new journal has a new epoch, and numbers its events from 1'),
  seq: z.int().positive().describe('Sequence number in the epoch, without gaps, also over restarts'),
  at: z.iso.datetime().describe('Time of the trigger, UTC'),
  clock: z
    .enum(['synchronised', 'free'])
    .describe('free: the clock is unsynchronised, no time source has set it yet'),
  trigger: z.object({ source: z.string(), id: z.string() }),
  outcome: z
    .enum(['sorted', 'refused', 'empty', 'ignored', 'failed', 'interrupted', 'emptied', 'disputed'])
    .describe('emptied and disputed are reports of an operator, not items: see compartment and item'),
  compartment: z.string().optional().describe('Compartment of an emptied report'),
  item: z
    .string()
    .optional()
    .describe('Event id of a disputed report: the item that went to the wrong compartment'),
  count: z.int().positive().optional().describe('Number of triggers of an ignored burst'),
  decision: z
    .object({
      compartment: z.string().nullable(),
      label: z.string().nullable(),
      confidence: finite.nullable(),
      reason: z.string(),
    })
    .nullable(),
  thresholds: z
    .object({ confidence: finite, margin: finite, hazardConfidence: finite })
    .nullable()
    .optional()
    .describe('The thresholds of the decision. Events of older versions have none'),
  scores: z.record(z.string(), finite).describe('All labels with a score above 0.005'),
  unfamiliar: z.object({ score: finite, flag: z.boolean() }).nullable(),
  model: z.object({ name: z.string(), version: z.string() }).nullable(),
  runtime: z.object({ name: z.string(), backend: z.string(), threads: z.int() }).nullable(),
  frame: z
    .object({
      id: z.string(),
      capturedAt: z.iso.datetime(),
      region: z.tuple([finite, finite, finite, finite]).nullable(),
      views: z
        .array(finite)
        .nullable()
        .optional()
        .describe('The views of the region that the model classified. Events of older versions have none'),
    })
    .nullable(),
  timingsMs: z.record(z.string(), finite),
  fault: z.object({ code: z.string(), message: z.string() }).nullable(),
});

export type BinEvent = z.infer<typeof eventSchema>;
/** An event before the journal assigns its key. */
export type EventBody = Omit<BinEvent, 'epoch' | 'seq'>;
/**
 * The row that is written at the trigger. It is enough for an event after a crash: `interrupted` for an item, `ignored`
 * for a burst, which has a count.
 */
export type StartedBody = Pick<EventBody, 'schema' | 'id' | 'bin' | 'at' | 'clock' | 'trigger' | 'count'>;

const LEAST_SCORE = 0.005;

export const startedBody = (id: string, trigger: Trigger, origin: Origin): StartedBody => ({
  schema: 1,
  id,
  bin: origin.bin,
  at: iso(trigger.wallMs),
  clock: origin.clock,
  trigger: { source: trigger.source, id: trigger.id },
});

const UNKNOWN = {
  decision: null,
  thresholds: null,
  scores: {},
  unfamiliar: null,
  model: null,
  runtime: null,
  frame: null,
  timingsMs: {},
};

/** A report of an operator, by a button or a command. */
export type OperatorReport =
  | { readonly outcome: 'emptied'; readonly compartment: string }
  | { readonly outcome: 'disputed'; readonly item: string };

export const operatorReportBody = (
  id: string,
  report: OperatorReport,
  trigger: Trigger,
  origin: Origin,
): EventBody => ({
  ...startedBody(id, trigger, origin),
  ...report,
  ...UNKNOWN,
  fault: null,
});

/** Returns the event of a row that an earlier run left without an outcome. */
export const interruptedBody = (started: StartedBody): EventBody => ({
  ...started,
  ...UNKNOWN,
  ...(started.count === undefined
    ? {
        outcome: 'interrupted',
        fault: { code: 'interrupted', message: 'The daemon or the machine stopped during this item.' },
      }
    : { outcome: 'ignored', fault: null }),
});

export const finishedBody = (finished: Finished, origin: Origin): EventBody => {
  const { item, decision, fault, count } = finished;
  const { classification, frame } = item;
  return {
    ...startedBody(item.id, item.trigger, origin),
    outcome: finished.outcome,
    ...(count === undefined ? {} : { count }),
    decision: decision && { ...decision, confidence: decision.confidence && rounded(decision.confidence, 4) },
    thresholds: item.thresholds ?? null,
    scores: classification ? visible(classification.scores) : {},
    unfamiliar: classification?.unfamiliar
      ? { score: rounded(classification.unfamiliar.score, 3), flag: classification.unfamiliar.flag }
      : null,
    model: classification ? { name: classification.model.name, version: classification.model.version } : null,
    runtime: classification ? { ...classification.runtime } : null,
    frame: frame
      ? {
          id: frame.id,
          capturedAt: iso(frame.capturedAtWallMs),
          region: classification ? [...classification.region] : null,
          views: classification ? [...classification.views] : null,
        }
      : null,
    timingsMs: timings(finished),
    fault: fault && { code: fault.code, message: fault.message },
  };
};

/** Returns the scores above LEAST_SCORE, highest first. */
const visible = (scores: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(scores)
      .filter(([, score]) => score > LEAST_SCORE)
      .sort(([, a], [, b]) => b - a)
      .map(([label, score]) => [label, rounded(score, 4)]),
  );

const timings = ({ item, atMs }: Finished): Record<string, number> => {
  const { move, moveAskedAtMs, classification } = item;
  const known: Record<string, number | undefined> = {
    capture: item.captureMs,
    ...classification?.timingsMs,
    decide: item.decideMs,
    gateCommand: move && moveAskedAtMs !== undefined ? move.commandedAtMs - moveAskedAtMs : undefined,
    gateMove: move && move.homeAtMs - move.commandedAtMs,
    total: atMs - item.trigger.atMs,
  };
  const entries = Object.entries(known).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return Object.fromEntries(entries.map(([name, ms]) => [name, rounded(ms, 2)]));
};

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

const iso = (wallMs: number): string => new Date(wallMs).toISOString();
