import { z } from 'zod';
import type { Trigger } from '../hardware/trigger/trigger.js';
import type { Finished } from './state.js';

/** What a bin says of itself in each event. */
export interface Origin {
  readonly bin: string;
  readonly clock: 'synchronised' | 'free';
}

const finite = z.number();

/** One event: the journal's row and the MQTT message. It grows by addition only. */
export const eventSchema = z.object({
  schema: z.literal(1),
  id: z.string().describe('UUIDv7; a consumer drops what it has seen'),
  bin: z.string(),
  seq: z.int().positive().describe('counts up per bin without gaps, over restarts too'),
  at: z.iso.datetime().describe('of the trigger, UTC'),
  clock: z.enum(['synchronised', 'free']).describe('free: no time source has set the clock yet'),
  trigger: z.object({ source: z.string(), id: z.string() }),
  outcome: z
    .enum(['sorted', 'refused', 'empty', 'ignored', 'failed', 'interrupted', 'emptied', 'disputed'])
    .describe('emptied, disputed: no item, but what a person said: see compartment, item'),
  compartment: z.string().optional().describe('of emptied: which compartment'),
  item: z.string().optional().describe('of disputed: the id of the event whose item went to the wrong place'),
  count: z.int().positive().optional().describe('of an ignored burst: how many triggers'),
  decision: z
    .object({
      compartment: z.string().nullable(),
      label: z.string().nullable(),
      confidence: finite.nullable(),
      reason: z.string(),
    })
    .nullable(),
  scores: z.record(z.string(), finite).describe('all labels above 0.005'),
  unfamiliar: z.object({ score: finite, flag: z.boolean() }).nullable(),
  model: z.object({ name: z.string(), version: z.string() }).nullable(),
  runtime: z.object({ name: z.string(), backend: z.string(), threads: z.int() }).nullable(),
  frame: z
    .object({
      id: z.string(),
      capturedAt: z.iso.datetime(),
      region: z.tuple([finite, finite, finite, finite]).nullable(),
    })
    .nullable(),
  timingsMs: z.record(z.string(), finite),
  fault: z.object({ code: z.string(), message: z.string() }).nullable(),
});

export type BinEvent = z.infer<typeof eventSchema>;
/** An event before the journal has given it its number. */
export type EventBody = Omit<BinEvent, 'seq'>;
/** What is written at the trigger: enough to make an event of it if nothing more comes. */
export type StartedBody = Pick<EventBody, 'schema' | 'id' | 'bin' | 'at' | 'clock' | 'trigger'>;

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
  scores: {},
  unfamiliar: null,
  model: null,
  runtime: null,
  frame: null,
  timingsMs: {},
};

/** What a person says of the bin, by a button or a command. */
export type OperatorReport =
  | { readonly outcome: 'emptied'; readonly compartment: string }
  | { readonly outcome: 'disputed'; readonly item: string };

export const operatorReportBody = (
  id: string,
  remark: OperatorReport,
  trigger: Trigger,
  origin: Origin,
): EventBody => ({
  ...startedBody(id, trigger, origin),
  ...remark,
  ...UNKNOWN,
  fault: null,
});

/** The event of a row that an earlier run left without an outcome. */
export const interruptedBody = (started: StartedBody): EventBody => ({
  ...started,
  outcome: 'interrupted',
  ...UNKNOWN,
  fault: { code: 'interrupted', message: 'the daemon or the machine went down during this item' },
});

export const finishedBody = (finished: Finished, origin: Origin): EventBody => {
  const { item, decision, fault, count } = finished;
  const { classification, frame } = item;
  return {
    ...startedBody(item.id, item.trigger, origin),
    outcome: finished.outcome,
    ...(count === undefined ? {} : { count }),
    decision: decision && { ...decision, confidence: decision.confidence && rounded(decision.confidence, 4) },
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
        }
      : null,
    timingsMs: timings(finished),
    fault: fault && { code: fault.code, message: fault.message },
  };
};

/** Highest first. */
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
