import { dirname } from 'node:path';
import {
  addSignatures,
  bytesOf,
  expiryOf,
  type Json,
  keyIdsOf,
  type MetadataOf,
  makeMetadata,
} from './folder/metadata.js';
import { publish, type Signing } from './folder/publish.js';
import { isComplete, type State, stagedPath } from './folder/state.js';
import { ROOT_THRESHOLD, type Role } from './release.js';

/** Returns the root that follows, without signatures. */
export const nextRoot = ({ root }: State, part: Json, nowMs: number): MetadataOf['root'] =>
  makeMetadata('root', { ...part, version: root.signed.version + 1, expires: expiryOf('root', nowMs) }, []);

/** Whether the folders of keys contain a key that may sign the next root. */
export const canSignRoot = (state: State, next: MetadataOf['root'], { ring }: Signing): boolean =>
  rootKeyIds(state, next).some((keyId) => ring.has(keyId));

/**
 * Adds signatures to the next root. The root is published when it has enough of them. Otherwise it waits in the folder
 * `staged`, to which another machine adds a signature. `renew` are signed in both cases. Returns lines for people.
 */
export const advanceRoot = async (
  state: State,
  next: MetadataOf['root'],
  renew: readonly Role[],
  signing: Signing,
): Promise<string[]> => {
  const { ring, disk } = signing;
  addSignatures(next, await ring.signers(rootKeyIds(state, next)));
  const path = stagedPath(state.folder);
  disk.makeFolder(dirname(path));
  disk.write(path, bytesOf(next));
  const { version } = next.signed;
  if (isComplete(state.root, next)) {
    const signed = await publish({ ...state, staged: next }, { root: next, renew }, signing);
    return [`Root ${version} published.`, ...signedLines(signed)];
  }
  const signed = renew.length > 0 ? await publish({ ...state, staged: next }, { renew }, signing) : [];
  const count = keyIdsOf(next, 'root').filter((keyId) => keyId in next.signatures).length;
  return [
    ...signedLines(signed),
    `Root ${version} has ${count} of ${ROOT_THRESHOLD} signatures. It waits in ${path}.`,
    'Copy the repository to the machine with another key of the root, and run "sortbin release sign" there.',
  ];
};

export const signedLines = (roles: readonly Role[]): string[] =>
  roles.length > 0 ? [`Signed: ${roles.join(', ')}.`] : [];

const rootKeyIds = ({ root }: State, next: MetadataOf['root']): string[] => [
  ...new Set([...keyIdsOf(root, 'root'), ...keyIdsOf(next, 'root')]),
];
