import { describeTargets } from './catalogue.js';
import { isDue, isSigned, keyIdsOf, rolloutsProblem, tufTime } from './folder/metadata.js';
import { publish, type Signing } from './folder/publish.js';
import { isComplete, type State } from './folder/state.js';
import { advanceRoot, canSignRoot, describeRoot, nextRoot, signedLines } from './next-root.js';
import type { Plan, Role } from './release.js';

const hasKey = ({ root, targets }: State, role: Role, { ring }: Signing): boolean =>
  keyIdsOf(role === 'rollouts' ? targets : root, role).some((keyId) => ring.has(keyId));

/** Whether a role still needs the signature of a new key, which a staged root names, and the key is given. */
const needsNewKey = ({ staged, ...state }: State, role: Role, { ring }: Signing): boolean =>
  staged !== null &&
  role !== 'rollouts' &&
  !isSigned(staged, role, state[role]) &&
  keyIdsOf(staged, role).some((keyId) => ring.has(keyId));

/** What somebody has added to `rollouts` ends with its next signature. */
const isRoleDue = (state: State, role: Role, nowMs: number): boolean =>
  isDue(role, state[role], nowMs) || (role === 'rollouts' && rolloutsProblem(state.rollouts) !== null);

const expiryText = (state: State, role: Role): string =>
  `${role} expires ${tufTime(Date.parse(state[role].signed.expires))}`;

/**
 * Signs the roles of which more than half of the lifetime has passed, if their keys are given, and a root that waits for
 * signatures. `isAll`: signs all roles but the root, so that each one has a newer version than before a restore.
 */
export const planSign = (state: State, signing: Signing, isAll = false): Plan => {
  const { nowMs } = signing;
  const due = (['targets', 'rollouts', 'snapshot', 'timestamp'] as const).filter(
    (role) => isAll || isRoleDue(state, role, nowMs) || needsNewKey(state, role, signing),
  );
  const renew = due.filter((role) => hasKey(state, role, signing));
  const isRootDue = isDue('root', state.root, nowMs);
  const waiting = state.staged ?? (isRootDue ? nextRoot(state, state.root.signed.toJSON(), nowMs) : null);
  // A root that an interrupted run has completed needs no further signature.
  const root =
    waiting && (isComplete(state.root, waiting) || canSignRoot(state, waiting, signing)) ? waiting : null;
  const left = [
    ...due.filter((role) => !renew.includes(role)),
    ...(waiting && !root ? ['root' as const] : []),
  ];
  const notes = left.map((role) => `${expiryText(state, role)}. Its key is not in the folders of --keys.`);
  if (renew.length === 0 && !root) {
    const lines = [...notes, 'Nothing was signed.'];
    return { steps: [], apply: null, unchanged: { lines, json: { signed: [], left } } };
  }
  return {
    steps: [
      ...(root ? describeRoot(state, root) : []),
      ...renew.map((role) => `Sign ${role} again: ${expiryText(state, role)}.`),
      ...(renew.includes('targets') ? describeTargets(state.targets.signed) : []),
      ...notes,
    ],
    apply: async () => {
      const lines = root
        ? await advanceRoot(state, root, { renew }, signing)
        : signedLines(await publish(state, { renew }, signing));
      return { lines, json: { signed: [...renew, ...(root ? ['root'] : [])], left } };
    },
  };
};

/** Signs the timestamp. Snapshot and rollouts are signed too, after half of their lifetime, if their keys are given. */
export const planTimestamp = (state: State, signing: Signing): Plan => {
  const due = (['rollouts', 'snapshot'] as const).filter(
    (role) => isRoleDue(state, role, signing.nowMs) && hasKey(state, role, signing),
  );
  const renew = [...due, 'timestamp' as const];
  return {
    steps: [`Sign ${renew.join(', ')}.`],
    apply: async () => {
      const signed = await publish(state, { renew }, signing);
      return { lines: signedLines(signed), json: { signed } };
    },
  };
};
