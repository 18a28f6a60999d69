import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf } from '../../kit/errors.js';
import type { Disk } from './folder/disk.js';
import {
  bytesOf,
  delegationOf,
  expiryOf,
  type Json,
  makeMetadata,
  SIGNED_AT,
  SORTBIN,
  SPEC_VERSION,
  sha256Of,
  tufTime,
} from './folder/metadata.js';
import { metaOf } from './folder/publish.js';
import { makeKey, type PrivateKey, publicJsonOf } from './keys/key-file.js';
import { sealInto, signerOf, writeKey } from './keys/key-ring.js';
import {
  ONLINE_ROLES,
  type Plan,
  ReleaseError,
  ROLES,
  ROOT_KEYS,
  ROOT_THRESHOLD,
  type Role,
} from './release.js';

export interface InitOptions {
  readonly repository: string;
  /** Folder of the key files. */
  readonly keys: string;
  /** Returns the passphrase for the keys of some roles. null: the files are not encrypted. */
  readonly passphrase: (kind: 'offline' | 'online') => Promise<string | null>;
  readonly disk: Disk;
  readonly nowMs: number;
}

/**
 * Makes all keys and the first metadata of a repository. The folder `metadata` appears when it is complete.
 * @throws ReleaseError `release-exists`
 */
export const planInit = ({ repository, keys, passphrase, disk, nowMs }: InitOptions): Plan => {
  const metadata = join(repository, 'metadata');
  if (existsSync(metadata))
    throw new ReleaseError(
      'release-exists',
      `${repository}: contains a repository already. Name another folder.`,
    );
  if (existsSync(keys) && namesIn(keys).some((name) => name.endsWith('.key.json')))
    throw new ReleaseError(
      'release-exists',
      `${keys}: contains key files already. Name an empty folder. If they are of an interrupted init, remove them.`,
    );
  return {
    steps: [
      `Make the folder ${resolve(repository)} for the repository.`,
      `Make the keys in ${resolve(keys)}: ${ROOT_KEYS} of the role root, 1 each of ${ROLES.slice(1).join(', ')}.`,
      `Sign the first metadata. The clock of this machine is ${tufTime(nowMs)}.`,
    ],
    apply: async () => {
      const made = ROLES.flatMap((role) =>
        Array.from({ length: role === 'root' ? ROOT_KEYS : 1 }, () => makeKey(role)),
      );
      const [offline, online] = [await passphrase('offline'), await passphrase('online')];
      const files = firstMetadata(made, nowMs);
      const firstRoot = sha256Of(files.get('1.root.json') ?? Buffer.alloc(0));
      const paths: string[] = [];
      for (const key of made) {
        const passphrase = ONLINE_ROLES.includes(key.role) ? online : offline;
        const stored = await sealInto(keys, key, firstRoot, passphrase);
        writeKey(disk, stored);
        paths.push(stored.path);
      }
      writeFirst(repository, files, disk);
      const rootKeyIds = made.filter(({ role }) => role === 'root').map(({ keyId }) => keyId);
      const root = resolve(metadata, '1.root.json');
      return {
        lines: [
          `Repository made. The keys of its root, of which ${ROOT_THRESHOLD} must sign:`,
          ...rootKeyIds.map((keyId) => `  ${keyId}`),
          'Move the files of the keys:',
          ...made.map(({ role }, index) => `  ${paths[index]}: ${PLACE[role]}`),
          `Give ${root} to each bin: it is what the bin trusts.`,
        ],
        json: { repository: resolve(repository), root, rootKeyIds, keyFiles: paths },
      };
    },
  };
};

const PLACE: Readonly<Record<Role, string>> = {
  root: 'offline, each one in another place',
  targets: 'offline, with the person who releases bundles',
  snapshot: 'on the machine of the scheduled job',
  timestamp: 'on the machine of the scheduled job',
  rollouts: 'on the machine of the scheduled job',
};

const firstMetadata = (keys: readonly PrivateKey[], nowMs: number): ReadonlyMap<string, Buffer> => {
  const keysOf = (role: Role) => keys.filter((key) => key.role === role);
  const entry = (role: Role): Json => ({
    keyids: keysOf(role).map(({ keyId }) => keyId),
    threshold: role === 'root' ? ROOT_THRESHOLD : 1,
  });
  const publicKeys = (roles: readonly Role[]): Json =>
    Object.fromEntries(
      roles.flatMap(keysOf).map(({ keyId, public: raw }) => [keyId, publicJsonOf(raw)] as const),
    );
  const top = ROLES.filter((role) => role !== 'rollouts');
  const make = <R extends Role>(role: R, type: string, rest: Json) =>
    makeMetadata(
      role,
      { _type: type, spec_version: SPEC_VERSION, version: 1, expires: expiryOf(role, nowMs), ...rest },
      keysOf(role).map(signerOf),
    );
  const root = make('root', 'root', {
    consistent_snapshot: true,
    keys: publicKeys(top),
    roles: Object.fromEntries(top.map((role) => [role, entry(role)])),
  });
  const rollouts = make('rollouts', 'targets', { targets: {} });
  const [{ keyId: rolloutsKeyId } = { keyId: '' }] = keysOf('rollouts');
  const targets = make('targets', 'targets', {
    targets: {},
    delegations: { keys: publicKeys(['rollouts']), roles: [delegationOf(rolloutsKeyId)] },
    [SORTBIN]: { revoked: [] },
  });
  const meta = { 'targets.json': metaOf(targets), 'rollouts.json': metaOf(rollouts) };
  const snapshot = make('snapshot', 'snapshot', { meta });
  const timestamp = make('timestamp', 'timestamp', {
    meta: { 'snapshot.json': metaOf(snapshot) },
    [SIGNED_AT]: tufTime(nowMs),
  });
  return new Map([
    ['1.root.json', bytesOf(root)],
    ['1.rollouts.json', bytesOf(rollouts)],
    ['1.targets.json', bytesOf(targets)],
    ['1.snapshot.json', bytesOf(snapshot)],
    ['timestamp.json', bytesOf(timestamp)],
  ]);
};

const writeFirst = (repository: string, files: ReadonlyMap<string, Buffer>, disk: Disk): void => {
  const temporary = join(repository, '.metadata-new');
  disk.remove(temporary);
  disk.makeFolder(join(repository, 'targets'));
  disk.makeFolder(temporary);
  for (const [name, bytes] of files) disk.write(join(temporary, name), bytes);
  disk.rename(temporary, join(repository, 'metadata'));
};

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new ReleaseError('release-key', `--keys ${folder}: not a folder (${messageOf(cause)}).`, { cause });
  }
};
