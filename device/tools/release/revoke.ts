import { type BundleId, textOf } from '../../update/bundle-id.js';
import { describeTargets, expectKnown, isSameBundle, type Revocation, revokedIn } from './catalogue.js';
import { SORTBIN, tufTime } from './folder/metadata.js';
import { publish, type Signing } from './folder/publish.js';
import type { State } from './folder/state.js';
import { type Plan, ReleaseError } from './release.js';

const MAX_REASON = 200;

/** Revokes a version. Bins leave it for the newest version that is not revoked. @throws ReleaseError */
export const planRevoke = (state: State, id: BundleId, reason: string, signing: Signing): Plan => {
  expectKnown(state.targets, id);
  if (reason.trim() === '' || reason.length > MAX_REASON)
    throw new ReleaseError(
      'release-option',
      `--reason: ${reason.length} characters are not allowed. Use 1 to ${MAX_REASON} characters.`,
    );
  const revoked = revokedIn(state.targets);
  if (revoked.some((one) => isSameBundle(one, id))) return unchanged(id, 'revoked already');
  const revocation = { ...id, reason, at: tufTime(signing.nowMs) };
  return planList(state, [...revoked, revocation], id, true, signing);
};

/** Takes a revocation back. @throws ReleaseError */
export const planUndoRevoke = (state: State, id: BundleId, signing: Signing): Plan => {
  expectKnown(state.targets, id);
  const revoked = revokedIn(state.targets);
  const others = revoked.filter((one) => !isSameBundle(one, id));
  if (others.length === revoked.length) return unchanged(id, 'not revoked');
  return planList(state, others, id, false, signing);
};

const unchanged = (id: BundleId, why: string): Plan => ({
  steps: [],
  apply: null,
  unchanged: { lines: [`${textOf(id)}: ${why}. Nothing was changed.`], json: { ...id, changed: false } },
});

const planList = (
  state: State,
  revoked: readonly Revocation[],
  id: BundleId,
  isRevoked: boolean,
  signing: Signing,
): Plan => ({
  steps: [
    isRevoked
      ? `Revoke ${textOf(id)}. Bins that use it return to another version at their next check.`
      : `Take the revocation of ${textOf(id)} back. Bins may install it again.`,
    'Sign targets, snapshot and timestamp. Before this change:',
    ...describeTargets(state.targets.signed),
  ],
  apply: async () => {
    const part = state.targets.signed.toJSON();
    const list = { ...Object(part[SORTBIN]), revoked: revoked.map((one) => ({ ...one })) };
    await publish(state, { targets: { ...part, [SORTBIN]: list } }, signing);
    const lines = [`${textOf(id)} ${isRevoked ? 'revoked' : 'is not revoked any more'}.`];
    return { lines, json: { ...id, changed: true, revoked: isRevoked } };
  },
});
