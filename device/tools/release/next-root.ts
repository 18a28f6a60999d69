import {
  addSignatures,
  expiryOf,
  type Json,
  keyIdsOf,
  type MetadataOf,
  makeMetadata,
  signersOf,
  tufTime,
} from './folder/metadata.js';
import { type Draft, publish, type Signing } from './folder/publish.js';
import { isComplete, type State, stagedPath } from './folder/state.js';
import { ROLES, ROOT_THRESHOLD } from './release.js';

/** Returns the root that follows, without signatures. */
export const nextRoot = ({ root }: State, part: Json, nowMs: number): MetadataOf['root'] =>
  makeMetadata('root', { ...part, version: root.signed.version + 1, expires: expiryOf('root', nowMs) }, []);

/** Whether the folders of keys contain a key that may sign the next root. */
export const canSignRoot = (state: State, next: MetadataOf['root'], { ring }: Signing): boolean =>
  rootKeyIds(state, next).some((keyId) => ring.has(keyId));

/** Returns lines for the person who signs the next root: everything that differs from the present one. */
export const describeRoot = ({ root }: State, next: MetadataOf['root']): string[] => {
  const roles = ROLES.flatMap((role) => {
    const [before, after] = [keyIdsOf(root, role), keyIdsOf(next, role)];
    const without = (ids: readonly string[], others: readonly string[]) =>
      ids.filter((id) => !others.includes(id));
    return [
      ...without(before, after).flatMap((keyId) => [`  ${role}: key removed:`, `    ${keyId}`]),
      ...without(after, before).flatMap((keyId) => [`  ${role}: key added:`, `    ${keyId}`]),
    ];
  });
  return [
    `Sign root ${next.signed.version}. Compared with root ${root.signed.version}:`,
    ...(roles.length > 0 ? roles : ['  the keys are the same']),
    `  expires ${tufTime(Date.parse(next.signed.expires))}, not ${tufTime(Date.parse(root.signed.expires))}`,
  ];
};

/**
 * Adds signatures to the next root. The root is published when it has enough of them. Otherwise it waits in the folder
 * `staged`, to which another machine adds a signature. `draft` is signed in both cases. Returns lines for people.
 */
export const advanceRoot = async (
  state: State,
  next: MetadataOf['root'],
  draft: Pick<Draft, 'renew' | 'key'>,
  signing: Signing,
): Promise<string[]> => {
  addSignatures(next, await signing.ring.signers(rootKeyIds(state, next)));
  const signed = signedLines(await publish(state, { ...draft, root: next }, signing));
  const { version } = next.signed;
  if (isComplete(state.root, next)) return [`Root ${version} published.`, ...signed];
  const count = Math.min(...[state.root, next].map((root) => signersOf(root, 'root', next).length));
  return [
    ...signed,
    `Root ${version} has ${count} of ${ROOT_THRESHOLD} signatures. It waits in ${stagedPath(state.folder)}.`,
    'Copy the repository to the machine with another key of the root, and run "sortbin release sign" there.',
  ];
};

export const signedLines = (roles: readonly string[]): string[] =>
  roles.length > 0 ? [`Signed: ${roles.join(', ')}.`] : [];

const rootKeyIds = ({ root }: State, next: MetadataOf['root']): string[] => [
  ...new Set([...keyIdsOf(root, 'root'), ...keyIdsOf(next, 'root')]),
];
