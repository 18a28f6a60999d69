import type { BinEvent } from '../../cycle/event.js';
import type { Thresholds } from '../../cycle/policy.js';
import type { Label } from '../../journal/journal.js';
import { type Check, countText, fact, type Section } from '../doctor/doctor.js';
import type { EventLimits } from './event-limits.js';
import { eventText, leadOf, number } from './event-text.js';
import { localTime } from './local-time.js';

export interface EventDetails {
  readonly event: BinEvent;
  /** Oldest first. */
  readonly labels: readonly Label[];
  /** Times of the reports that the event was sorted wrongly. */
  readonly disputes: readonly string[];
  /** null: the frame was not kept, or was deleted. */
  readonly framePath: string | null;
}

/** Returns everything that the journal knows about an event, one fact a line. */
export const eventDetails = (
  { event, labels, disputes, framePath }: EventDetails,
  limits: EventLimits | null,
): Section => {
  const { id, seq, at, trigger, fault, model, runtime, frame } = event;
  const given = labels.map(
    ({ label, source, at: when }) => `${label ?? 'wrong, label unknown'}, by ${source}, ${localTime(when)}`,
  );
  return {
    title: `event ${seq}: ${eventText(event)}`,
    exitCode: 0,
    checks: [
      fact('id', id),
      fact('time', localTime(at)),
      fact('trigger', trigger.source),
      ...(fault ? [fact('fault', `${fault.code}: ${fault.message}`)] : []),
      ...reasonFacts(event, limits),
      ...(model ? [fact('model', `${model.name} ${model.version}`)] : []),
      ...(runtime
        ? [fact('runtime', `${runtime.name} (${runtime.backend}, ${countText(runtime.threads, 'thread')})`)]
        : []),
      ...(frame
        ? [fact('region', regionText(frame)), fact('frame', framePath ?? 'not kept, or deleted since')]
        : []),
      ...timingFacts(event),
      ...given.map((text) => fact('label', text)),
      ...disputes.map((when) => fact('disputed', localTime(when))),
    ],
  };
};

const MAX_SCORES = 5;

const reasonFacts = (event: BinEvent, limits: EventLimits | null): Check[] => {
  const { decision, scores, thresholds, unfamiliar } = event;
  if (!decision?.label) return decision ? [fact('reason', decision.reason)] : [];
  const best = Object.entries(scores).slice(0, MAX_SCORES);
  const text = best.map(([label, score]) => `${label} ${number(score)}`).join(', ');
  return [
    fact('reason', REASONS[decision.reason] ?? decision.reason),
    fact('scores', text),
    ...(thresholds
      ? [
          fact('confidence', `${number(decision.confidence ?? 0)}, needs ${number(thresholds.confidence)}`),
          fact('lead', `${number(leadOf(scores))} over the next label, needs ${number(thresholds.margin)}`),
          fact('hazard', hazardText(scores, thresholds, limits)),
        ]
      : [fact('thresholds', 'not recorded by the version that sorted this item')]),
    ...(unfamiliar ? [fact('unfamiliar', unfamiliarText(unfamiliar, limits))] : []),
  ];
};

/** The event has no score of a label below 0.005. */
const hazardText = (
  scores: BinEvent['scores'],
  { hazardConfidence }: Pick<Thresholds, 'hazardConfidence'>,
  limits: EventLimits | null,
): string => {
  if (!limits) return `refused labels together count from ${number(hazardConfidence)}`;
  if (limits.refused.length === 0) return 'no label is refused';
  const score = limits.refused.reduce((sum, label) => sum + (scores[label] ?? 0), 0);
  return `${number(score)} for ${limits.refused.join(', ')}, refused from ${number(hazardConfidence)}`;
};

const unfamiliarText = (
  { flag, score }: NonNullable<BinEvent['unfamiliar']>,
  limits: EventLimits | null,
): string => {
  const limit = limits?.unfamiliar ?? null;
  return `${flag ? 'yes' : 'no'}, score ${score}${limit === null ? '' : `, unfamiliar above ${limit.toFixed(2)}`}`;
};

const REASONS: Readonly<Record<string, string>> = {
  confident: 'the model was sure enough',
  'low-confidence': 'the score of the best label was below policy.confidence',
  'narrow-margin': 'the next label was closer than policy.margin',
  unfamiliar: 'the item looked unlike the training images',
  hazard: 'the item is, or may be, one that the bin refuses',
  'compartment-full': 'the compartment was full',
};

const regionText = ({ region, views }: NonNullable<BinEvent['frame']>): string => {
  if (!region) return 'not classified';
  const [x, y, width, height] = region;
  return `${width}x${height} at ${x}, ${y}${views ? `, views ${views.join(', ')}` : ''}`;
};

const timingFacts = ({ timingsMs }: BinEvent): Check[] => {
  const entries = Object.entries(timingsMs);
  if (entries.length === 0) return [];
  return [fact('timings', `${entries.map(([step, ms]) => `${step} ${ms.toFixed(1)}`).join(', ')} ms`)];
};
