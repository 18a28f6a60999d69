import { z } from 'zod';
import type { Trigger } from '../hardware/trigger/trigger.js';
import type { Finished } from './state.js';

/** The origin of an event: the bin's id and the state of its clock. */
export interface Origin {
  readonly bin: string;
  readonly clock: 'synchronised' | 'free';
}

const finite = z.number();

export const thresholdsSchema = z.object({
  confidence: finite.describe('Minimum score of the top label'),
  margin: finite.describe('Minimum difference between the two highest scores'),
  hazardConfidence: finite.describe('Total score of the refused labels from which an item is a hazard'),
});

export const runtimeSchema = z.object({
  name: z.string().describe('Name of the runtime'),
  backend: z.string().describe('Its kernels, with their version'),
  threads: z.int().describe('Number of threads'),
});

/** One event: the journal's row and the MQTT message. The format only gains keys; no key changes or goes away. */
export const eventSchema = z.object({
  schema: z.literal(1).describe('Version of the format'),
  id: z.string().describe('UUIDv7. An event arrives at least once: ignore an `id` that you have seen'),
  bin: z.string().describe('`bin.id` of the configuration'),
  epoch: z
    .uuid()
    .describe('Id of the journal; a new journal has a new one, see [Missing events](#missing-events)'),
  seq: z.int().positive().describe('Counts up from 1 in each epoch without gaps, also over restarts'),
  at: z.iso.datetime().describe('Time of the trigger'),
  clock: z.enum(['synchronised', 'free']).describe('`free`: no time source has set the clock yet'),
  trigger: z
    .object({
      source: z
        .string()
        .describe('What reported the item: `beam`, `command`, `mqtt`, `still-there` and others'),
      id: z.string().describe('Id of the trigger'),
    })
    .describe('What caused the event'),
  outcome: z
    .enum(['sorted', 'refused', 'empty', 'ignored', 'failed', 'interrupted', 'emptied', 'disputed'])
    .describe('Result, see [Outcomes](#outcomes)'),
  compartment: z.string().optional().describe('Only with `emptied`: the compartment'),
  item: z.string().optional().describe('Only with `disputed`: `id` of the event of the item that went wrong'),
  count: z.int().positive().optional().describe('Only with `ignored`: number of triggers in the burst'),
  decision: z
    .object({
      compartment: z.string().nullable().describe('Where the item goes; `null`: nowhere'),
      label: z.string().nullable().describe('The label with the highest score'),
      confidence: finite.nullable().describe('Its score, 0 to 1'),
      reason: z.string().describe('Why, see [Reasons](#reasons)'),
    })
    .nullable()
    .describe('What the policy decided. A value that is not known is `null`'),
  thresholds: thresholdsSchema
    .nullable()
    .optional()
    .describe('The thresholds of the decision. Events of older versions have none'),
  scores: z.record(z.string(), finite).describe('All labels with a score above 0.005, highest first'),
  unfamiliar: z
    .object({
      score: finite.describe('How unfamiliar the image is'),
      flag: z.boolean().describe('Whether it counts as unfamiliar'),
    })
    .nullable()
    .describe('Whether the item looks unlike the training images (out of distribution)'),
  model: z
    .object({ name: z.string().describe('Its name'), version: z.string().describe('Its version') })
    .nullable()
    .describe('The model that classified'),
  runtime: runtimeSchema.nullable().describe('The runtime that classified'),
  frame: z
    .object({
      id: z.string().describe('Name of the [stored frame](formats.md#stored-frames)'),
      capturedAt: z.iso.datetime().describe('Time of the exposure'),
      region: z
        .tuple([finite, finite, finite, finite])
        .nullable()
        .meta({ description: 'The part that was classified: x, y, width, height', unit: 'pixels' }),
      views: z
        .array(finite)
        .nullable()
        .optional()
        .describe('The classified views, as shares of the region. Events of older versions have none'),
    })
    .nullable()
    .describe('The frame of the camera'),
  timingsMs: z
    .record(z.string(), finite)
    .meta({ description: 'Duration of each step, see [Timings](#timings)', unit: 'ms' }),
  fault: z
    .object({
      code: z.string().describe('A [fault code](troubleshooting.md#fault-codes)'),
      message: z.string().describe('What happened'),
    })
    .nullable()
    .describe('The fault because of which the item failed'),
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
