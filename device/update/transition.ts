import type { Fault } from '../kit/errors.js';
import type { BundleId } from './bundle-id.js';
import { chooseExcess, differ, includes, isSame, without } from './choice.js';
import type { PublishedBundle } from './repository/repository.js';
import {
  type Cause,
  type Effect,
  type Job,
  MAX_REJECTED,
  type Moment,
  type Report,
  type Settings,
  type State,
  type Transition,
  type UpdateRefusal,
  type Watch,
} from './state.js';

/** Continues without a change on disk. */
export const keep = (state: State, ...effects: readonly Effect[]): Transition => ({ state, effects });

/** Stores the state after the step, then performs the effects. */
export const save = (state: State, ...effects: readonly Effect[]): Transition =>
  keep(state, { type: 'persist' }, ...effects);

/** Continues a transition from its state. The state is stored once, before all effects. */
export const andThen = (first: Transition, next: (state: State) => Transition): Transition => {
  const second = next(first.state);
  const effects = [...first.effects, ...second.effects];
  const others = effects.filter(({ type }) => type !== 'persist');
  return others.length < effects.length ? save(second.state, ...others) : keep(second.state, ...others);
};

export const refuse = (state: State, code: UpdateRefusal, message: string): Transition =>
  keep(state, { type: 'answer', fault: { code, message } });

export const accept = (transition: Transition): Transition => ({
  state: transition.state,
  effects: [...transition.effects, { type: 'answer', fault: null }],
});

export const report = (
  state: State,
  { at }: Moment,
  event: Report['event'],
  bundle: BundleId | null,
  fault: Fault | null = null,
): Transition => {
  const id = bundle && { name: bundle.name, version: bundle.version };
  const made: Report = { event, bundle: id, code: fault?.code ?? null, reason: fault?.message ?? null, at };
  return save({ ...state, last: made }, { type: 'report', report: made });
};

/** Remembers that polling does not try a bundle again. */
export const reject = (state: State, { name, version }: BundleId, fault: Fault, { at }: Moment): State => {
  const slot = state.installed.find((other) => isSame(other, { name, version }));
  const manifestSha256 = slot?.manifestSha256 ?? null;
  const rejection = { name, version, manifestSha256, code: fault.code, reason: fault.message, at };
  return {
    ...state,
    rejected: [...without(state.rejected, rejection), rejection].slice(-MAX_REJECTED),
    trusted: without(state.trusted, rejection),
    checked: without(state.checked, rejection),
  };
};

export const newWatch = ({ atMs }: Moment): Watch => ({ faults: 0, allFaults: 0, items: 0, sinceMs: atMs });

/** Starts a job in place of the present one. */
const run = (state: State, kind: Job['kind'], effectOf: (op: number) => Effect): Transition => {
  const op = state.nextOp;
  const next = { ...state, job: { op, kind }, nextOp: op + 1 };
  return save(next, ...abortOf(state), effectOf(op));
};

/** The effect that ends the job of a state, if one runs. */
export const abortOf = ({ job }: State): Effect[] => (job ? [{ type: 'abort' }] : []);

export const download = (
  state: State,
  bundle: PublishedBundle,
  cause: Cause,
  source: string | null,
): Transition =>
  andThen(forgetOther(state, bundle), (next) =>
    run({ ...next, phase: { name: 'downloading', bundle, cause, source } }, 'download', (op) => ({
      type: 'download',
      op,
      bundle,
      source,
    })),
  );

/** What is known about an id does not hold for a bundle with other content. It replaces the slot. */
const forgetOther = (state: State, bundle: PublishedBundle): Transition => {
  const known = [...state.installed, ...state.rejected].filter((other) => isSame(other, bundle));
  if (!known.some((other) => differ(other, bundle))) return keep(state);
  const isPrevious = isSame(state.previous, bundle);
  const next: State = {
    ...state,
    previous: isPrevious ? null : state.previous,
    trusted: without(state.trusted, bundle),
    checked: without(state.checked, bundle),
    rejected: without(state.rejected, bundle),
    attempt: isSame(state.attempt, bundle) ? null : state.attempt,
  };
  return isPrevious ? save(next, { type: 'point' }) : keep(next);
};

export const build = (state: State, bundle: PublishedBundle): Transition =>
  run(state, 'build', (op) => ({ type: 'build', op, bundle }));

/**
 * Checks a bundle before its activation. The count of attempts is on disk before: a bundle that ends the process while
 * it is checked or activated must not do so for ever.
 */
export const check = (
  state: State,
  { name, version }: BundleId,
  cause: Cause,
  moment: Moment,
  { maxAttempts }: Settings,
): Transition => {
  const bundle = { name, version };
  const count = isSame(state.attempt, bundle) ? (state.attempt?.count ?? 0) + 1 : 1;
  if (count > maxAttempts) {
    const message = `the program ended ${maxAttempts} times while it checked or activated this bundle`;
    return rejectCandidate(state, bundle, { code: 'update-interrupted', message }, moment);
  }
  const next: State = { ...state, attempt: { ...bundle, count }, phase: { name: 'checking', bundle, cause } };
  return run(next, 'check', (op) => ({ type: 'check', op, bundle }));
};

export const rejectCandidate = (state: State, bundle: BundleId, fault: Fault, moment: Moment): Transition => {
  const next: State = { ...reject(state, bundle, fault, moment), phase: { name: 'idle' }, attempt: null };
  return report(next, moment, 'rejected', bundle, fault);
};

export const swap = (state: State, bundle: BundleId | null, cause: Cause | 'return'): Transition =>
  run({ ...state, phase: { name: 'activating', bundle, cause } }, 'swap', (op) => ({
    type: 'swap',
    op,
    bundle,
  }));

/** Makes `target` current, without the bundle that it leaves. The model is exchanged by `goBack`, or is not started. */
export const leave = (state: State, target: BundleId | null, why: Fault, moment: Moment): Transition => {
  const next: State = { ...state, current: target, previous: null, watch: null, starts: 0 };
  return andThen(report(next, moment, 'returned', target, why), (after) => keep(after, { type: 'point' }));
};

/**
 * Leaves a bad or revoked bundle for `target`. The pointers are switched first: after a kill, the next start must not
 * load that bundle again.
 */
export const goBack = (state: State, target: BundleId | null, why: Fault, moment: Moment): Transition =>
  andThen(leave(state, target, why, moment), (left) => swap(left, target, 'return'));

export const trust = (state: State, moment: Moment, settings: Settings): Transition => {
  const { current } = state;
  if (!current) return keep({ ...state, watch: null });
  const trusted = [...without(state.trusted, current), current];
  const next = { ...state, watch: null, starts: 0, trusted };
  return andThen(report(next, moment, 'trusted', current), (after) => removeExcess(after, settings));
};

export const removeExcess = (state: State, settings: Settings): Transition =>
  removeSlots(state, chooseExcess(state, settings));

export const removeSlots = (state: State, bundles: readonly BundleId[]): Transition => {
  if (bundles.length === 0) return keep(state);
  const stays = (id: BundleId): boolean => !includes(bundles, id);
  const next = {
    ...state,
    installed: state.installed.filter(stays),
    trusted: state.trusted.filter(stays),
    checked: state.checked.filter(stays),
  };
  return save(next, { type: 'remove', bundles: bundles.map(({ name, version }) => ({ name, version })) });
};
