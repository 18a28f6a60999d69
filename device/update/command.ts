import type { Fault } from '../kit/errors.js';
import { type BundleId, textOf } from './bundle-id.js';
import { choosePrevious, hasOtherContent, includes, isSame, without } from './choice.js';
import type { Moment, Settings, State, Transition, UpdateCommand } from './state.js';
import { accept, check, download, goBack, keep, refuse, reject, save, swap } from './transition.js';

/** Performs the command of a person. It may use a bundle that was rejected, but not one that is revoked. */
export const command = (
  state: State,
  request: UpdateCommand,
  moment: Moment,
  settings: Settings,
): Transition => {
  if (request.name === 'pin' || request.name === 'unpin')
    return accept(save({ ...state, isPinned: request.name === 'pin' }));
  const revoked = revokedBy(state, request, settings);
  if (revoked)
    return refuse(state, 'update-revoked', `${textOf(revoked)} is revoked. Choose another version.`);
  if (state.phase.name === 'activating')
    return refuse(state, 'update-busy', 'The model is being exchanged. Try again after it.');
  if (request.name === 'rollback') return rollback(state, moment);
  const { bundle } = request;
  const isActive = isSame(bundle, state.current ?? settings.factory);
  if (request.name === 'install' && (isActive || isSame(bundle, settings.factory)))
    if (hasOtherContent(state, request.bundle, settings))
      return refuse(state, 'update-other-content', otherContent(bundle, settings));
  if (isActive) return accept(keep(state));
  // The factory bundle is the last resort: it is neither checked again nor refused.
  if (request.name === 'activate' && isSame(bundle, settings.factory))
    return accept(swap(state, null, 'activate'));
  const allowed: State = { ...state, rejected: without(state.rejected, bundle), attempt: null };
  return request.name === 'install'
    ? accept(download(allowed, request.bundle, 'install', request.source))
    : activate(allowed, bundle, moment, settings);
};

const otherContent = (bundle: BundleId, { factory }: Settings): string =>
  isSame(bundle, factory)
    ? `${textOf(bundle)} is the factory bundle, whose content is another one. Publish another version.`
    : `${textOf(bundle)} is active with other content. Run sortbin model activate ${textOf(factory)}, then install it.`;

/** Returns the bundle of a request if it is revoked. The factory bundle can always be activated. */
const revokedBy = ({ revoked }: State, request: UpdateCommand, { factory }: Settings): BundleId | null => {
  if (!('bundle' in request) || !includes(revoked, request.bundle)) return null;
  return request.name === 'activate' && isSame(request.bundle, factory) ? null : request.bundle;
};

const activate = (state: State, bundle: BundleId, moment: Moment, settings: Settings): Transition => {
  const { phase } = state;
  if (!includes(state.installed, bundle))
    return refuse(state, 'update-not-installed', `${textOf(bundle)} is not installed. Install it first.`);
  if (phase.name === 'ready' && isSame(phase.bundle, bundle))
    return accept(swap(state, phase.bundle, 'activate'));
  return accept(check(state, bundle, 'activate', moment, settings));
};

/** The bundle that is left counts as rejected, so that the next poll does not bring it back. */
const rollback = (state: State, moment: Moment): Transition => {
  const { current } = state;
  if (!current)
    return refuse(state, 'update-no-previous', 'The factory bundle is active. Activate another bundle.');
  const why: Fault = {
    code: 'update-rolled-back',
    message: `${textOf(current)}: a person went back from it`,
  };
  return accept(goBack(reject(state, current, why, moment), choosePrevious(state), why, moment));
};
