import type { Fault } from '../kit/errors.js';
import { type BundleId, textOf } from './bundle-id.js';
import {
  choosePrevious,
  choosePublished,
  chooseTrusted,
  differ,
  includes,
  isSame,
  isUsable,
  revocationOf,
  without,
} from './choice.js';
import { command } from './command.js';
import type { GateReport } from './gates/gates.js';
import type { Catalogue } from './repository/repository.js';
import { isDamage, start, started } from './start.js';
import type { Cause, Input, Moment, Settings, State, Transition } from './state.js';
import {
  abortOf,
  andThen,
  build,
  check,
  download,
  goBack,
  keep,
  newWatch,
  reject,
  rejectCandidate,
  removeSlots,
  report,
  save,
  swap,
  trust,
} from './transition.js';

/**
 * Decides what happens to the bundles of a bin. Pure: takes the state and one input, returns the next state and the
 * effects to perform in order. Each job (`download`, `build`, `check`, `swap`) is answered once by `done` or `failed`.
 */
export const step = (state: State, input: Input, settings: Settings): Transition => {
  switch (input.type) {
    case 'start':
      return start(state, input.store, input, settings);
    case 'started':
      return started(state, input.bundle, input.failures, input);
    case 'stop':
      return handleStop(state);
    case 'catalogue':
      return handleCatalogue(state, input, settings);
    case 'done':
      return handleDone(state, input, settings);
    case 'failed':
      return handleFailed(state, input, settings);
    case 'item':
      return handleItem(state, input.bundle, input.isFault, input, settings);
    case 'tick':
      return handleTick(state, input, settings);
    case 'command':
      return command(state, input.command, input, settings);
  }
};

/** An orderly end is no crash: neither this start nor an attempt counts. */
const handleStop = (state: State): Transition => {
  const { starts, attempt, job } = state;
  const isAttempt = attempt && (job?.kind === 'check' || job?.kind === 'swap');
  if (starts === 0 && !isAttempt) return keep(state);
  return save({
    ...state,
    starts: Math.max(0, starts - 1),
    attempt: isAttempt ? { ...attempt, count: attempt.count - 1 } : attempt,
  });
};

const handleCatalogue = (
  state: State,
  { catalogue, mayInstall, ...moment }: Extract<Input, { type: 'catalogue' }>,
  settings: Settings,
): Transition => {
  const { revoked, halted } = catalogue;
  return andThen(save({ ...state, revoked, halted }), (known) =>
    andThen(applyRevocations(known, moment, settings), (trusted) =>
      andThen(stopWithdrawn(trusted, catalogue), (next) => {
        const isFree = next.phase.name === 'idle' || next.phase.name === 'ready';
        if (!mayInstall || !moment.isAllowed || next.isPinned || !isFree) return keep(next);
        const newest = choosePublished(next, catalogue, settings);
        return newest ? download(next, newest, 'polling', null) : keep(next);
      }),
    ),
  );
};

/** Ends the download of a poll if its bundle is halted, or is not published any more with this content. */
const stopWithdrawn = (state: State, { bundles, halted }: Catalogue): Transition => {
  const { phase } = state;
  if (phase.name !== 'downloading') return keep(state);
  const offered = bundles.find((bundle) => isSame(bundle, phase.bundle));
  const isOffered = offered && !differ(offered, phase.bundle) && !halted.includes(offered.name);
  return isOffered ? keep(state) : stopDownload(state);
};

/** Ends the download of a poll. Its part files stay, so that another poll continues it. */
const stopDownload = (state: State): Transition => {
  const { phase, job } = state;
  if (phase.name !== 'downloading' || phase.cause !== 'polling' || job?.kind !== 'download')
    return keep(state);
  return save({ ...state, phase: { name: 'idle' }, job: null }, ...abortOf(state));
};

/**
 * Leaves a bundle that is revoked, also on a pinned bin: the publisher says that it does harm. While the model is being
 * exchanged nothing changes, because the exchange may succeed. Its end applies the revocations again.
 */
const applyRevocations = (state: State, moment: Moment, settings: Settings): Transition => {
  const { current, previous, phase } = state;
  if (state.job?.kind === 'swap') return keep(state);
  const why = current && revocationOf(state, current);
  if (why) return goBack(state, chooseTrusted(state, settings), why, moment);
  const first =
    previous && revocationOf(state, previous)
      ? save({ ...state, previous: null }, { type: 'point' })
      : keep(state);
  const candidate = phase.name !== 'activating' && 'bundle' in phase ? phase.bundle : null;
  const fault = candidate && revocationOf(state, candidate);
  if (!fault) return first;
  return andThen(first, (next) => {
    const idle: State = { ...next, phase: { name: 'idle' }, job: null, attempt: null };
    return andThen(keep(idle, ...abortOf(next)), (ended) =>
      report(ended, moment, 'failed', candidate, fault),
    );
  });
};

const handleDone = (
  state: State,
  { op, installed = state.installed, report: found, ...moment }: Extract<Input, { type: 'done' }>,
  settings: Settings,
): Transition => {
  const { job, phase } = state;
  if (job?.op !== op) return keep(state);
  const next: State = { ...state, job: null, installed };
  if (phase.name === 'downloading') {
    const { bundle, cause } = phase;
    if (job.kind === 'download') return build(next, bundle);
    const built = includes(state.installed, bundle) ? keep(next) : report(next, moment, 'installed', bundle);
    return andThen(built, (slot) => check(slot, bundle, cause, moment, settings));
  }
  if (phase.name === 'checking') {
    const checked = found ? remember(next, phase.bundle, found, moment) : next;
    return handleChecked(checked, phase.bundle, phase.cause, moment, settings);
  }
  if (phase.name === 'activating')
    return andThen(handleSwapped(next, phase.bundle, phase.cause, moment), (active) =>
      applyRevocations(active, moment, settings),
    );
  return keep(next);
};

const remember = (
  state: State,
  { name, version }: BundleId,
  { runtimes }: GateReport,
  { at }: Moment,
): State => {
  const checks = { name, version, at, runtimes };
  return { ...state, checked: [...without(state.checked, checks), checks] };
};

/** The place for `shadow` and `probation`: a bundle that passed its checks would enter them here. */
const handleChecked = (
  state: State,
  bundle: BundleId,
  cause: Cause,
  moment: Moment,
  settings: Settings,
): Transition =>
  mayActivate(state, cause, moment, settings)
    ? swap(state, bundle, cause)
    : save({ ...state, phase: { name: 'ready', bundle, cause } });

/** A pinned bin moves only if a person says `activate`. A halt stops what a poll began. */
const mayActivate = (state: State, cause: Cause, { isAllowed }: Moment, { name }: Settings): boolean => {
  if (cause === 'activate') return true;
  if (state.isPinned) return false;
  return cause === 'install' || (isAllowed && !state.halted.includes(name));
};

const handleSwapped = (
  state: State,
  bundle: BundleId | null,
  cause: Cause | 'return',
  moment: Moment,
): Transition => {
  const idle: State = { ...state, phase: { name: 'idle' }, attempt: null };
  if (cause === 'return') return save(idle);
  // A bundle that is not trusted yet is nothing to go back to.
  const left = state.watch ? state.previous : state.current;
  const next: State = {
    ...idle,
    current: bundle,
    previous: isSame(left, bundle) ? null : left,
    watch: bundle && !includes(state.trusted, bundle) ? newWatch(moment) : null,
    starts: 0,
  };
  return andThen(report(next, moment, 'activated', bundle), (active) => keep(active, { type: 'point' }));
};

/** These say nothing about the bundle: it is tried again later. */
const POSTPONED = new Set(['check-postponed', 'check-memory']);

const handleFailed = (
  state: State,
  { op, fault, installed = state.installed, ...moment }: Extract<Input, { type: 'failed' }>,
  settings: Settings,
): Transition => {
  const { job, phase } = state;
  if (job?.op !== op || !('bundle' in phase)) return keep(state);
  const next: State = { ...state, job: null, installed };
  const { bundle } = phase;
  if (phase.name === 'activating' && phase.cause === 'return') {
    // Without the previous bundle, the factory bundle. Without that, the next tick tries again.
    const tried = report(next, moment, 'failed', bundle, fault);
    if (bundle === null) return tried;
    return andThen(tried, (after) => goBack(after, null, fault, moment));
  }
  if (bundle === null || phase.name === 'downloading' || POSTPONED.has(fault.code))
    return report({ ...next, phase: { name: 'idle' }, attempt: null }, moment, 'failed', bundle, fault);
  if (fault.code === 'model-busy' && phase.name === 'activating' && phase.cause !== 'return')
    return save({ ...next, phase: { name: 'ready', bundle, cause: phase.cause } });
  if (phase.name === 'checking' && isDamage(fault)) return removeDamaged(next, bundle, fault, moment);
  return andThen(rejectCandidate(next, bundle, fault, moment), (rejected) =>
    applyRevocations(rejected, moment, settings),
  );
};

/** The files of a slot are damaged. The next poll or `install` downloads them again. */
const removeDamaged = (state: State, bundle: BundleId, fault: Fault, moment: Moment): Transition => {
  const previous = isSame(state.previous, bundle) ? null : state.previous;
  const idle: State = { ...state, phase: { name: 'idle' }, attempt: null, previous };
  return andThen(report(idle, moment, 'failed', bundle, fault), (ended) =>
    andThen(keep(ended, { type: 'point' }), (pointed) => removeSlots(pointed, [bundle])),
  );
};

const handleItem = (
  state: State,
  bundle: BundleId,
  isFault: boolean,
  moment: Moment,
  settings: Settings,
): Transition => {
  const { watch, current } = state;
  if (!watch || !current || !isSame(bundle, current) || state.job?.kind === 'swap') return keep(state);
  if (!isFault) {
    const watched = { ...state, watch: { ...watch, faults: 0, items: watch.items + 1 } };
    return watch.items + 1 >= settings.healthyItems ? trust(watched, moment, settings) : keep(watched);
  }
  const [faults, allFaults] = [watch.faults + 1, watch.allFaults + 1];
  const isInRow = faults >= settings.maxFaults;
  if (!isInRow && allFaults < settings.maxAllFaults)
    return keep({ ...state, watch: { faults, allFaults, items: 0, sinceMs: moment.atMs } });
  const failures = isInRow ? `${faults} items in a row` : `${allFaults} items`;
  const message = `${textOf(current)}: ${failures} failed in the runtime before it was trusted`;
  const why: Fault = { code: 'update-runtime-faults', message };
  return goBack(reject(state, current, why, moment), choosePrevious(state), why, moment);
};

const handleTick = (state: State, moment: Moment, settings: Settings): Transition => {
  const { phase, watch, job } = state;
  if (phase.name === 'downloading' && !moment.isAllowed) return stopDownload(state);
  if (phase.name === 'activating' && !job) return swap(state, phase.bundle, phase.cause);
  if (
    phase.name === 'ready' &&
    isUsable(state, phase.bundle) &&
    mayActivate(state, phase.cause, moment, settings)
  )
    return swap(state, phase.bundle, phase.cause);
  if (!watch || moment.atMs - watch.sinceMs < settings.healthyMs || job?.kind === 'swap') return keep(state);
  // A bin may be unused for days. Time alone says nothing about a model, but the start was no crash.
  if (watch.items > 0) return trust(state, moment, settings);
  return state.starts > 0 ? save({ ...state, starts: 0 }) : keep(state);
};
