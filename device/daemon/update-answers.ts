import { type Answer, done, failed } from '../kit/errors.js';
import { type BundleId, textOf } from '../update/bundle-id.js';
import { isSame, type Offer } from '../update/choice.js';
import type { UpdateStatus } from '../update/status.js';

// What the commands for models answer to a person.

/** Returns the answer to `model.install`. `before`: the bundle that was active before. `id`: the requested bundle. */
export const installAnswer = (
  bundle: BundleId,
  { before, id }: { readonly before: BundleId; readonly id: BundleId | undefined },
  status: UpdateStatus,
): Answer<string> => {
  const { current, phase, candidate, isPinned, last } = status;
  const text = textOf(bundle);
  if (isSame(current, bundle)) {
    if (!isSame(before, bundle)) return done(`${text} is active`);
    return done(id ? `${text} is active already` : `${text} is active, and nothing newer is published`);
  }
  if (phase === 'ready' && isSame(candidate, bundle))
    return done(
      isPinned
        ? `${text} is installed, but not active, because this bin is pinned. Run sortbin model activate ${text}.`
        : `${text} is installed, and becomes active as soon as the model can be exchanged`,
    );
  const isAbout = last !== null && isSame(last.bundle, bundle);
  const code = isAbout && last.event === 'failed' ? last.code : null;
  return failed(code ?? 'update-rejected', `${text}: ${(isAbout && last.reason) || 'not activated'}`);
};

/** Returns the answer to `model.activate` and `model.rollback`. */
export const activeAnswer = (
  bundle: BundleId,
  before: BundleId,
  { isPinned }: UpdateStatus,
  offer: Offer | null,
): string => {
  const already = isSame(before, bundle) ? ' already' : '';
  const text = `${textOf(bundle)} is active${already}`;
  if (isPinned || offer?.kind !== 'next') return text;
  return `${text}. The next poll installs ${textOf(offer.bundle)}: to prevent it, run sortbin model pin.`;
};

/** Returns the answer to `model.check`. */
export const checkAnswer = ({ current, isPinned }: UpdateStatus, offer: Offer | null): string => {
  const active = `${textOf(current)} is active`;
  if (!offer) return `${active}, and nothing newer is published`;
  if (offer.kind === 'other-content')
    return `${active}, but other content is published under this version: see sortbin model list`;
  const newer = `${active}, and ${textOf(offer.bundle)} is published`;
  if (offer.kind === 'rejected') return `${newer}, but was rejected: see sortbin model list`;
  if (offer.kind === 'halted') return `${newer}, but its rollout is halted`;
  if (offer.kind === 'ready') return `${active}, and ${textOf(offer.bundle)} is installed and ready`;
  return isPinned ? `${newer}. This bin is pinned, so that polls do not install it.` : newer;
};

export const pinAnswer = ({ current }: UpdateStatus): string =>
  `pinned: ${textOf(current)} stays active, unless it is revoked or fails`;

/** `offer`: null also if the bin has no repository. */
export const unpinAnswer = ({ phase, candidate }: UpdateStatus, offer: Offer | null): string => {
  if (phase === 'ready' && candidate) return `not pinned: ${textOf(candidate)} becomes active`;
  return offer?.kind === 'next' ? `not pinned: the next poll installs ${textOf(offer.bundle)}` : 'not pinned';
};
