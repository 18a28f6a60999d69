import { createHash } from 'node:crypto';
import { makeKey, type Role, type TestRepository } from './test-repository.js';

/** Returns a whole number from 0 to below `limit`. */
export type Below = (limit: number) => number;
/** Contents by path below the address of a repository. */
export type Files = Map<string, Buffer>;
type Json = Record<string, unknown>;

/** What an attacker has, on the server or on the way to it: everything but the keys. */
export interface Attack {
  /** What the server sends. The attack changes it. */
  readonly files: Files;
  /** The files of the release before. */
  readonly older: Files;
  /** The files that an update to the new release needs. */
  readonly needed: readonly string[];
  readonly below: Below;
}

const oneOf = <T>(values: readonly T[], below: Below): T => {
  const value = values[below(values.length)];
  if (value === undefined) throw new Error('nothing to choose from');
  return value;
};

const flipBits = (bytes: Buffer, below: Below): Buffer => {
  const changed = Buffer.from(bytes);
  for (let flips = 1 + below(8); flips > 0; flips -= 1) {
    const at = below(changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << below(8));
  }
  return changed;
};

const randomBytes = (count: number, below: Below): Buffer =>
  Buffer.from(Array.from({ length: count }, () => below(256)));

/** Changes one value, key or entry somewhere in JSON. */
const editJson = (root: Json, below: Below): void => {
  let at = root;
  for (;;) {
    const inner = Object.values(at).filter(
      (value) => typeof value === 'object' && value !== null && Object.keys(value).length > 0,
    );
    if (inner.length === 0 || below(4) === 0) break;
    at = oneOf(inner, below) as Json;
  }
  const key = oneOf(Object.keys(at), below);
  const value = at[key];
  const edits: readonly (() => void)[] = [
    () => {
      at[key] = typeof value === 'number' ? value + 1 + below(9) : below(1_000);
    },
    () => delete at[key],
    () => {
      at[key] = null;
    },
    () => {
      at[key] = typeof value === 'string' ? `${value}0` : [value];
    },
    () => {
      at.__proto = 1;
    },
    () => {
      at[`${key}0`] = value;
    },
  ];
  oneOf(edits, below)();
};

const rewrite = ({ files, needed, below }: Attack, change: (bytes: Buffer) => Buffer | null): void => {
  const path = oneOf(needed, below);
  const changed = change(files.get(path) ?? Buffer.alloc(0));
  if (changed) files.set(path, changed);
  else files.delete(path);
};

const metadataOf = ({ needed }: Attack): string[] => needed.filter((path) => path.startsWith('metadata/'));

/** Replaces one file of metadata by another text, which is parsed first. */
const rewriteJson = (attack: Attack, change: (json: Json) => void): void => {
  const { files, below } = attack;
  const path = oneOf(metadataOf(attack), below);
  const json = JSON.parse(files.get(path)?.toString() ?? '{}') as Json;
  change(json);
  files.set(path, Buffer.from(JSON.stringify(json)));
};

/** What an attacker without a key does to a release. */
export const ATTACKS: Readonly<Record<string, (attack: Attack) => void>> = {
  'bits flipped': (attack) => rewrite(attack, (bytes) => flipBits(bytes, attack.below)),
  'cut short': (attack) => rewrite(attack, (bytes) => bytes.subarray(0, attack.below(bytes.length))),
  extended: (attack) =>
    rewrite(attack, (bytes) => Buffer.concat([bytes, randomBytes(1 + attack.below(2_000), attack.below)])),
  replaced: (attack) => rewrite(attack, (bytes) => randomBytes(bytes.length, attack.below)),
  removed: (attack) => rewrite(attack, () => null),
  'another file': (attack) => {
    const { files, needed, below } = attack;
    const path = oneOf(needed, below);
    const present = files.get(path) ?? Buffer.alloc(0);
    files.set(
      path,
      oneOf(
        [...files.values()].filter((other) => !other.equals(present)),
        below,
      ),
    );
  },
  'files swapped': ({ files, needed, below }) => {
    const first = oneOf(needed, below);
    const second = oneOf(
      needed.filter(
        (path) => path !== first && !files.get(path)?.equals(files.get(first) ?? Buffer.alloc(0)),
      ),
      below,
    );
    const [one, other] = [files.get(first), files.get(second)];
    if (one && other) files.set(first, other).set(second, one);
  },
  'older metadata': (attack) => {
    const { files, older, below } = attack;
    const path = oneOf(metadataOf(attack), below);
    const role = path.replace(/^metadata\/(\d+\.)?/, '');
    const found = [...older].filter(([name]) => name.replace(/^metadata\/(\d+\.)?/, '') === role);
    files.set(path, oneOf(found, below)[1]);
  },
  'signed text changed': (attack) =>
    rewriteJson(attack, ({ signed }) => editJson(signed as Json, attack.below)),
  'signatures changed': (attack) =>
    rewriteJson(attack, (json) => {
      const [first] = json.signatures as { keyid: string; sig: string }[];
      const changes = [
        () => Object.assign(first ?? {}, { sig: randomBytes(64, attack.below).toString('hex') }),
        () => Object.assign(first ?? {}, { keyid: 'f'.repeat(64) }),
        () => Object.assign(json, { signatures: [] }),
        () => Object.assign(first ?? {}, { sig: '' }),
      ];
      oneOf(changes, attack.below)();
    }),
};

/** The owner of another key signs roles of the release again. */
export const forge = (repo: TestRepository, files: Files, below: Below): void => {
  const roles: readonly Role[] = ['timestamp', 'snapshot', 'targets', 'root'];
  const role = oneOf(roles, below);
  const { keys, signed } = repo;
  const kept = keys[role];
  // The other roles are published under the names that the right release has.
  if (role === 'timestamp' || role === 'root') signed[role].version += 1;
  repo.write(role, [makeKey(), makeKey()]);
  keys[role] = kept;
  for (const [path, bytes] of repo.files) files.set(path, bytes);
};

/** The contents of a bundle by file. */
export type Contents = Record<string, Buffer>;

const editManifest = (contents: Contents, change: (manifest: Json) => void): void => {
  const manifest = JSON.parse(contents['manifest.json']?.toString() ?? '{}') as Json;
  change(manifest);
  contents['manifest.json'] = Buffer.from(JSON.stringify(manifest));
};

/** Files that the manifest names. Other files, such as licence notices, may change. */
const NAMED = ['model_int8.tflite', 'golden/inputs.json', 'golden/tflite.json'];
const REQUIRED = ['name', 'version', 'created', 'labels', 'input', 'views', 'outputs', 'golden'];

/** Mistakes in a bundle whose metadata the owner signs. The release tool does not sign them. */
export const MISTAKES: Readonly<Record<string, (contents: Contents, below: Below) => void>> = {
  'a file damaged': (contents, below) => {
    const file = oneOf(NAMED, below);
    contents[file] = flipBits(contents[file] ?? Buffer.alloc(1), below);
  },
  'a file cut short': (contents, below) => {
    const file = oneOf(NAMED, below);
    const bytes = contents[file] ?? Buffer.alloc(1);
    contents[file] = bytes.subarray(0, below(bytes.length));
  },
  'a file missing': (contents, below) => {
    delete contents[oneOf([...NAMED, 'manifest.json', 'labels.txt'], below)];
  },
  'labels.txt changed': (contents, below) => {
    const lines = contents['labels.txt']?.toString().trimEnd().split('\n') ?? [];
    const at = below(lines.length);
    oneOf<() => unknown>(
      [() => lines.splice(at, 1), () => lines.push('more'), () => lines.reverse(), () => lines.fill('x', at)],
      below,
    )();
    contents['labels.txt'] = Buffer.from(`${lines.join('\n')}\n`);
  },
  'labels of the manifest changed': (contents) =>
    editManifest(contents, (manifest) => (manifest.labels as string[]).reverse()),
  'a digest changed': (contents, below) =>
    editManifest(contents, ({ golden }) => {
      const digest = createHash('sha256')
        .update(`${below(1e9)}`)
        .digest('hex');
      Object.assign(golden as Json, { sha256: digest });
    }),
  'a length changed': (contents, below) =>
    editManifest(contents, ({ runtimes }) => {
      const { tflite } = runtimes as { tflite: { bytes: number } };
      tflite.bytes += 1 + below(99);
    }),
  'another name or version': (contents, below) =>
    editManifest(contents, (manifest) => {
      Object.assign(manifest, oneOf([{ name: 'other' }, { version: '1.5.1' }, { version: '1.4.0' }], below));
    }),
  'another schema': (contents, below) =>
    editManifest(contents, (manifest) => Object.assign(manifest, { schema: 2 + below(9) })),
  'a key missing': (contents, below) =>
    editManifest(contents, (manifest) => delete manifest[oneOf(REQUIRED, below)]),
  'a value of another type': (contents, below) =>
    editManifest(contents, (manifest) => {
      manifest[oneOf(REQUIRED, below)] = oneOf<unknown>([null, 7, [], ''], below);
    }),
  'a path outside': (contents, below) =>
    editManifest(contents, ({ runtimes }) => {
      const { tflite } = runtimes as { tflite: { file: string } };
      tflite.file = oneOf(['../model', '/etc/passwd', 'golden/../../x', 'model_int8.tflite/', ''], below);
    }),
  'a manifest that is no JSON': (contents, below) => {
    const text = contents['manifest.json'] ?? Buffer.alloc(1);
    contents['manifest.json'] = text.subarray(0, below(text.length));
  },
};
