import type { Json } from './folder/metadata.js';
import { keyIdsOf } from './folder/metadata.js';
import { publish, type Signing } from './folder/publish.js';
import type { State } from './folder/state.js';
import { makeKey, type PrivateKey, publicJsonOf } from './keys/key-file.js';
import { storeKey } from './keys/key-ring.js';
import { advanceRoot, nextRoot, signedLines } from './next-root.js';
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
 * @throws ReleaseError `release-staged` or `release-option`
 */
export const planRotate = (state: State, options: RotateOptions, signing: Signing): Plan => {
  const { role, folder } = options;
  if (state.staged)
    throw new ReleaseError(
      'release-staged',
      `${state.folder}: root ${state.staged.signed.version} waits for signatures. Run "sortbin release sign" first, or remove ${state.folder}/staged to give it up.`,
    );
  const old = replacedKey(state, options);
  return {
    steps: [
      `Make a new key of the role ${role} in ${folder}. It replaces ${old}.`,
      role === 'rollouts' ? 'Sign targets with it, and all roles above.' : 'Sign a new root that names it.',
    ],
    apply: async () => {
      const key = makeKey(role);
      const stored = await storeKey(signing.disk, folder, key, state.firstRoot, await options.passphrase());
      signing.ring.add(key, stored);
      const done = await replace(state, old, key, signing);
      const lines = [
        `New key ${key.keyId} in ${stored.path}.`,
        ...done,
        'When the new key is in use, destroy the files of the old key.',
      ];
      return { lines, json: { role, keyId: key.keyId, replaced: old, file: stored.path } };
    },
  };
};

const replace = async (state: State, old: string, key: PrivateKey, signing: Signing): Promise<string[]> => {
  const { role } = key;
  if (role === 'rollouts') {
    const { delegations, ...part } = state.targets.signed.toJSON();
    const { roles, ...rest } = delegations as Json;
    const renamed = (roles as Json[]).map((one) => (one.name === role ? withKey(one, old, key) : one));
    const keys = replaceKey(rest.keys as Json, old, key);
    const targets = { ...part, delegations: { ...rest, keys, roles: renamed } };
    return signedLines(await publish(state, { targets }, signing));
  }
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
  // Both keys sign, so that clients with the old root and with the new one accept the role.
  const renew = role !== 'root' && signing.ring.has(old) ? [role] : [];
  return advanceRoot(state, next, renew, signing);
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
