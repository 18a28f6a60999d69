import type { Fault } from '../kit/errors.js';
import { type BundleId, textOf } from './bundle-id.js';
import { choosePrevious, chooseTrusted, includes, isSame, isUsable, revocationOf } from './choice.js';
import type { Input, Moment, Settings, State, StoreView, Transition } from './state.js';
import { andThen, keep, leave, newWatch, reject, removeExcess, removeSlots, save } from './transition.js';

/** A slot with such a fault is installed again by the next poll, because the bundle itself is good. */
const DAMAGED = ['bundle-damaged', 'bundle-missing'];

/** Whether the files on the disk are damaged, and not the bundle as it was published. */
export const isDamage = ({ code }: Fault): boolean => DAMAGED.includes(code);

/**
 * Brings the state of an earlier run to the store, before the model starts. An update that was not finished is
 * forgotten: its files stay, so that the next poll continues it.
 */
export const start = (state: State, view: StoreView, moment: Moment, settings: Settings): Transition => {
  const { installed } = view;
  const isInstalled = (id: BundleId): boolean => includes(installed, id);
  const base: State = {
    ...state,
    installed,
    trusted: state.trusted.filter(isInstalled),
    checked: state.checked.filter(isInstalled),
    job: null,
  };
  const known = state.phase.name === 'new' ? fromStore(base, view, moment) : fromRun(base);
  return andThen(checkCurrent(known, moment, settings), (next) =>
    andThen(save(next, { type: 'point' }), (pointed) => removeExcess(pointed, settings)),
  );
};

/** Without a state, the previous bundle counts as trusted, and the current one is watched. */
const fromStore = (state: State, { current, previous }: StoreView, moment: Moment): State => ({
  ...state,
  phase: { name: 'idle' },
  current,
  previous,
  watch: current && newWatch(moment),
  trusted: previous ? [previous] : [],
});

const fromRun = (state: State): State => {
  const { phase, installed, previous } = state;
  const isReady =
    phase.name === 'ready' && includes(installed, phase.bundle) && isUsable(state, phase.bundle);
  return {
    ...state,
    phase: isReady ? phase : { name: 'idle' },
    previous:
      previous && includes(installed, previous) && !includes(state.revoked, previous) ? previous : null,
  };
};

/** Counts a start with a bundle under watch. Leaves a bundle that is gone, or that did not become healthy. */
const checkCurrent = (state: State, moment: Moment, settings: Settings): Transition => {
  const { current, watch, starts } = state;
  const { maxStarts } = settings;
  if (!current) return keep(state);
  // It was revoked during an exchange of the model, whose end would have left it.
  const revoked = revocationOf(state, current);
  if (revoked) return leave(state, chooseTrusted(state, settings), revoked, moment);
  if (!includes(state.installed, current)) {
    const why = {
      code: 'update-slot-missing',
      message: `${textOf(current)}: its slot does not exist any more`,
    };
    return leave(state, choosePrevious(state), why, moment);
  }
  if (!watch) return keep(state);
  if (starts < maxStarts)
    return keep({ ...state, starts: starts + 1, watch: { ...watch, faults: 0, sinceMs: moment.atMs } });
  const message = `${textOf(current)}: ${starts} starts in a row did not become healthy`;
  const why: Fault = { code: 'update-crash-loop', message };
  return leave(reject(state, current, why, moment), choosePrevious(state), why, moment);
};

/**
 * The first model runs. Only then a bundle that did not start is rejected: if no bundle starts, for example because of
 * a broken accelerator, the bundles are not the reason.
 */
export const started = (
  state: State,
  bundle: BundleId | null,
  failures: Extract<Input, { type: 'started' }>['failures'],
  moment: Moment,
): Transition => {
  const [first] = failures;
  if (!first || isSame(bundle, state.current)) return keep(state);
  let next = state;
  const damaged: BundleId[] = [];
  for (const failure of failures) {
    if (!failure.bundle) continue;
    if (isDamage(failure.fault)) damaged.push(failure.bundle);
    else next = reject(next, failure.bundle, failure.fault, moment);
  }
  return andThen(leave(next, bundle, first.fault, moment), (left) => removeSlots(left, damaged));
};
