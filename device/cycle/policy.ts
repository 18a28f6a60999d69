import { SortbinError } from '../kit/errors.js';

/** The reason of a decision. */
export type Reason =
  | 'confident'
  | 'low-confidence'
  | 'narrow-margin'
  | 'unfamiliar'
  | 'hazard'
  | 'compartment-full'
  | 'runtime-down'
  | 'camera-down'
  | 'gate-down'
  | 'journal-down'
  | 'held'
  | 'stopped';

export interface Decision {
  /** The item's compartment. null: the gate does not move. */
  readonly compartment: string | null;
  readonly label: string | null;
  /** 0 to 1. */
  readonly confidence: number | null;
  readonly reason: Reason;
}

/** The part of a classification that a decision needs. */
export interface Scored {
  readonly label: string;
  readonly confidence: number;
  readonly scores: Readonly<Record<string, number>>;
  readonly unfamiliar: { readonly flag: boolean } | null;
}

/** The numbers that a decision compares with. Each is 0 to 1. */
export interface Thresholds {
  /** Minimum score of the top label. */
  readonly confidence: number;
  /** Minimum difference between the two highest scores. */
  readonly margin: number;
  /** An item is a hazard if the total score of the refused labels reaches this value, with any top label. */
  readonly hazardConfidence: number;
}

export interface Policy extends Thresholds {
  /** The compartment of each label that is not refused. */
  readonly compartmentOf: ReadonlyMap<string, string>;
  readonly refuse: ReadonlySet<string>;
  /** The compartment of uncertain items. */
  readonly fallback: string;
}

/** The policy of the configuration. A null is replaced by the value of the preset or of the bundle. */
export interface PolicySettings {
  readonly preset: 'four-way' | 'twelve-way';
  readonly compartments: Readonly<Record<string, readonly string[]>> | null;
  readonly refuse: readonly string[] | null;
  readonly fallback: string | null;
  readonly confidence: number | null;
  readonly margin: number | null;
  readonly hazardConfidence: number;
}

export class PolicyError extends SortbinError<'policy-invalid'> {
  override readonly name = 'PolicyError';

  /** `path`: the key of the configuration. */
  constructor(
    readonly path: readonly string[],
    problem: string,
  ) {
    super('policy-invalid', `${path.join('.')}: ${problem}`);
  }
}

const HAZARDS = ['battery'];

const FOUR_WAY: Readonly<Record<string, readonly string[]>> = {
  paper: ['paper', 'cardboard'],
  glass: ['brown-glass', 'green-glass', 'white-glass'],
  packaging: ['plastic', 'metal'],
  residual: ['biological', 'trash', 'clothes', 'shoes'],
};

/**
 * Returns the policy for a model. Each of the model's labels has a compartment or is refused.
 * @throws PolicyError if a label or a compartment does not fit
 */
export const makePolicy = (
  settings: PolicySettings,
  labels: readonly string[],
  bundle: { readonly confidence: number; readonly margin: number },
): Policy => {
  const known = new Set(labels);
  const own = settings.compartments;
  const placed = new Set(Object.values(own ?? {}).flat());
  const refuse = new Set(
    settings.refuse ?? HAZARDS.filter((label) => known.has(label) && !placed.has(label)),
  );
  const compartments =
    own ??
    (settings.preset === 'four-way'
      ? FOUR_WAY
      : Object.fromEntries(labels.filter((label) => !refuse.has(label)).map((label) => [label, [label]])));
  const compartmentOf = new Map<string, string>();
  for (const [compartment, members] of Object.entries(compartments)) {
    for (const label of members) {
      if (known.has(label)) compartmentOf.set(label, compartment);
      else if (own) throw new PolicyError(['policy', 'compartments', compartment], unknown(label, labels));
    }
  }
  for (const label of refuse) {
    if (!known.has(label)) throw new PolicyError(['policy', 'refuse'], unknown(label, labels));
    if (placed.has(label))
      throw new PolicyError(
        ['policy', 'refuse'],
        `"${label}" also has the compartment "${compartmentOf.get(label)}". Remove it from one of the two.`,
      );
    compartmentOf.delete(label);
  }
  const unassigned = labels.filter((label) => !compartmentOf.has(label) && !refuse.has(label));
  if (unassigned.length > 0)
    throw new PolicyError(
      ['policy'],
      `the model's ${quoted(unassigned)} ${unassigned.length > 1 ? 'have' : 'has'} no compartment. ` +
        'Add each label to policy.compartments or to policy.refuse.',
    );
  const fallback = settings.fallback ?? (settings.preset === 'twelve-way' && !own ? 'trash' : 'residual');
  if (!Object.hasOwn(compartments, fallback))
    throw new PolicyError(
      ['policy', 'fallback'],
      `"${fallback}" is not a compartment. Use one of ${quoted(Object.keys(compartments))}.`,
    );
  return {
    compartmentOf,
    refuse,
    fallback,
    confidence: settings.confidence ?? bundle.confidence,
    margin: settings.margin ?? bundle.margin,
    hazardConfidence: settings.hazardConfidence,
  };
};

export const thresholdsOf = ({ confidence, margin, hazardConfidence }: Policy): Thresholds => ({
  confidence,
  margin,
  hazardConfidence,
});

/**
 * Returns the threshold that decides alone, or `both`. The scores are at least 0 and their sum is 1. Therefore a lead
 * implies a score of the same size, and a score above one half implies a lead.
 */
export const decidingThreshold = ({
  confidence,
  margin,
}: Pick<Thresholds, 'confidence' | 'margin'>): 'confidence' | 'margin' | 'both' => {
  if (confidence <= margin) return 'margin';
  return margin <= 2 * confidence - 1 ? 'confidence' : 'both';
};

/** Returns the compartment of an item, with the reason. Hazards are refused. Uncertain items go to the fallback. */
export const decide = (scored: Scored, policy: Policy): Decision => {
  const { label, confidence } = scored;
  const to = (compartment: string | null, reason: Reason): Decision => ({
    compartment,
    label,
    confidence,
    reason,
  });
  let hazard = 0;
  for (const refused of policy.refuse) hazard += scored.scores[refused] ?? 0;
  const compartment = policy.compartmentOf.get(label);
  if (compartment === undefined || (policy.refuse.size > 0 && hazard >= policy.hazardConfidence))
    return to(null, 'hazard');
  if (scored.unfamiliar?.flag) return to(policy.fallback, 'unfamiliar');
  if (confidence < policy.confidence) return to(policy.fallback, 'low-confidence');
  if (marginOf(scored.scores) < policy.margin) return to(policy.fallback, 'narrow-margin');
  return to(compartment, 'confident');
};

/** The full compartments, and the rule for items of a full compartment. */
export interface Capacity {
  readonly full: ReadonlySet<string>;
  readonly whenFull: 'fallback' | 'refuse';
}

/**
 * Returns the decision if its compartment is not full. Otherwise returns the fallback if `whenFull` allows it and the
 * fallback is not full. Otherwise the item has no compartment.
 */
export const applyCapacity = (
  decision: Decision,
  { fallback }: Policy,
  { full, whenFull }: Capacity,
): Decision => {
  if (decision.compartment === null || !full.has(decision.compartment)) return decision;
  const compartment = whenFull === 'fallback' && !full.has(fallback) ? fallback : null;
  return { ...decision, compartment, reason: 'compartment-full' };
};

const marginOf = (scores: Readonly<Record<string, number>>): number => {
  const [first = 0, second = 0] = Object.values(scores).sort((a, b) => b - a);
  return first - second;
};

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

const unknown = (label: string, labels: readonly string[]): string =>
  `"${label}" is not a label of the model. Use one of ${quoted(labels)}.`;
