import { describeTargets } from './catalogue.js';
import { delegationOf, type Json, keyIdsOf } from './folder/metadata.js';
import { missingKey, publish, type Signing } from './folder/publish.js';
import { isComplete, type State } from './folder/state.js';
import { makeKey, type PrivateKey, publicJsonOf } from './keys/key-file.js';
import { type StoredKey, sealInto } from './keys/key-ring.js';
import { advanceRoot, canSignRoot, describeRoot, nextRoot, signedLines } from './next-root.js';
import { type Plan, ReleaseError, type Role } from './release.js';

export interface RotateOptions {
  readonly role: Role;
  /** Beginning of the id of the key that is replaced. It is needed for the root, which has several keys. */
  readonly replace: string | undefined;
  /** Folder for the file of the new key. */
  readonly folder: string;
  /** Returns the passphrase of the new key. null: the file is not encrypted. */
  readonly passphrase: () => Promise<string | null>;
}

/**
 * Replaces a key of a role. The old and the new keys sign, as far as they are given. A new key of `rollouts` needs the key
 * of `targets`, and any other one needs the keys of the root.
 * @throws ReleaseError `release-staged`, `release-option` or `release-key`
 */
export const planRotate = (state: State, options: RotateOptions, signing: Signing): Plan => {
  const { role, folder } = options;
  if (state.staged) throw waiting(state, state.staged);
  const old = replacedKey(state, options);
  const key = makeKey(role);
  const change =
    role === 'rollouts' ? replaceRollouts(state, old, key, signing) : replaceInRoot(state, old, key, signing);
  return {
    steps: [`Make a new key of the role ${role} in ${folder}.`, ...change.steps],
    apply: async () => {
      const stored = await sealInto(folder, key, state.firstRoot, await options.passphrase());
      signing.ring.add(key, stored);
      const lines = [
        `New key ${key.keyId} in ${stored.path}.`,
        ...(await change.apply(stored)),
        'When the new key is in use, destroy the files of the old key.',
      ];
      return { lines, json: { role, keyId: key.keyId, replaced: old, file: stored.path } };
    },
  };
};

const waiting = ({ root, folder }: State, staged: State['root']): ReleaseError => {
  const { version } = staged.signed;
  return new ReleaseError(
    'release-staged',
    isComplete(root, staged)
      ? `${folder}: root ${version} is signed, but an earlier command was interrupted. Run "sortbin release sign" with the same keys first.`
      : `${folder}: root ${version} waits for signatures. Run "sortbin release sign" first, or remove ${folder}/staged to give it up.`,
  );
};

interface Change {
  readonly steps: readonly string[];
  readonly apply: (stored: StoredKey) => Promise<string[]>;
}

const replaceRollouts = (state: State, old: string, key: PrivateKey, signing: Signing): Change => {
  const delegations = {
    keys: { [key.keyId]: publicJsonOf(key.public) },
    roles: [delegationOf(key.keyId)],
  };
  const targets = { ...state.targets.signed.toJSON(), delegations };
  return {
    steps: [
      'Sign targets, rollouts, snapshot and timestamp with it:',
      '  rollouts: key removed:',
      `    ${old}`,
      '  rollouts: key added:',
      `    ${key.keyId}`,
      ...describeTargets(state.targets.signed),
    ],
    apply: async (stored) => signedLines(await publish(state, { targets, key: stored }, signing)),
  };
};

/** @throws ReleaseError `release-key` if no key of the root is given */
const replaceInRoot = (state: State, old: string, key: PrivateKey, signing: Signing): Change => {
  const { role } = key;
  const part = state.root.signed.toJSON();
  const roles = part.roles as Record<string, Json>;
  const next = nextRoot(
    state,
    {
      ...part,
      keys: replaceKey(part.keys as Json, old, key),
      roles: { ...roles, [role]: withKey(roles[role] ?? {}, old, key) },
    },
    signing.nowMs,
  );
  if (!canSignRoot(state, next, signing)) throw missingKey('root', state.root, signing.ring);
  // Both keys sign, so that clients with the old root and with the new one accept the role.
  const renew = role !== 'root' && signing.ring.has(old) ? [role] : [];
  return {
    steps: [
      ...describeRoot(state, next),
      ...(role === 'targets' ? describeTargets(state.targets.signed) : []),
    ],
    apply: (stored) => advanceRoot(state, next, { renew, key: stored }, signing),
  };
};

const withKey = (role: Json, old: string, { keyId }: PrivateKey): Json => ({
  ...role,
  keyids: (role.keyids as string[]).map((one) => (one === old ? keyId : one)),
});

const replaceKey = (keys: Json, old: string, { keyId, public: raw }: PrivateKey): Json => {
  const { [old]: _, ...others } = keys;
  return { ...others, [keyId]: publicJsonOf(raw) };
};

const replacedKey = ({ root, targets }: State, { role, replace: prefix = '' }: RotateOptions): string => {
  const keyIds = keyIdsOf(role === 'rollouts' ? targets : root, role);
  const [found, ...others] = keyIds.filter((keyId) => keyId.startsWith(prefix));
  if (found !== undefined && others.length === 0) return found;
  throw new ReleaseError(
    'release-option',
    `--replace ${prefix}: names ${found ? 'several keys' : 'no key'} of the role ${role}. Use one of ${keyIds.join(', ')}.`,
  );
};
