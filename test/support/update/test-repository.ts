import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Metadata, MetadataKind, Signature } from '@tufjs/models';

export type Role = 'root' | 'timestamp' | 'snapshot' | 'targets' | 'rollouts';

/** The signed part of metadata, as JSON. A test changes it before it publishes the role. */
export interface Signed {
  version: number;
  expires: string;
  [key: string]: unknown;
}

interface SigningKey {
  readonly id: string;
  readonly json: object;
  readonly sign: (data: Buffer) => Signature;
}

/** Start of the time of tests: the epoch of the simulated clock. */
export const START_MS = Date.UTC(2026, 0, 1);
export const DAY_MS = 86_400_000;

const LIFETIME_DAYS: Readonly<Record<Role, number>> = {
  root: 365,
  targets: 365,
  snapshot: 30,
  rollouts: 30,
  timestamp: 7,
};

const KINDS: Readonly<Record<Role, MetadataKind>> = {
  root: MetadataKind.Root,
  timestamp: MetadataKind.Timestamp,
  snapshot: MetadataKind.Snapshot,
  targets: MetadataKind.Targets,
  rollouts: MetadataKind.Targets,
};

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const makeKey = (): SigningKey => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const hex = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
  const id = sha256(Buffer.from(hex));
  return {
    id,
    json: { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: hex } },
    sign: (data) => new Signature({ keyID: id, sig: sign(null, data, privateKey).toString('hex') }),
  };
};

/** A repository in memory, with keys, that a test may change in any way. */
export class TestRepository {
  /** Contents by path below the address of the repository. */
  readonly files = new Map<string, Buffer>();
  readonly signed: Record<Role, Signed>;
  readonly keys: Record<Role, SigningKey[]> = {
    root: [makeKey(), makeKey(), makeKey()],
    timestamp: [makeKey()],
    snapshot: [makeKey()],
    targets: [makeKey()],
    rollouts: [makeKey()],
  };

  /** Other roles to which `targets` delegates, before `rollouts`. */
  readonly delegated: object[] = [];

  constructor(private nowMs = START_MS) {
    const meta = (...roles: Role[]) =>
      Object.fromEntries(roles.map((role) => [`${role}.json`, { version: 1 }]));
    this.signed = {
      root: this.#newSigned('root', { consistent_snapshot: true, keys: {}, roles: {} }),
      timestamp: this.#newSigned('timestamp', { meta: meta('snapshot') }),
      snapshot: this.#newSigned('snapshot', { meta: meta('targets', 'rollouts') }),
      targets: this.#newSigned('targets', { targets: {}, delegations: {} }),
      rollouts: this.#newSigned('rollouts', { targets: {} }),
    };
    for (const role of ['root', 'rollouts', 'targets', 'snapshot', 'timestamp'] as const) this.write(role);
  }

  /** The first root, as an owner receives it. */
  get rootJson(): string {
    return this.read('metadata/1.root.json').toString();
  }

  read(path: string): Buffer {
    const bytes = this.files.get(path);
    if (!bytes) throw new Error(`${path}: no such file`);
    return bytes;
  }

  /** Adds a bundle to the metadata of a role, and its files to the repository. */
  add(
    id: string,
    contents: Readonly<Record<string, string | Buffer>>,
    role: 'targets' | 'rollouts' = 'targets',
  ): void {
    for (const [file, content] of Object.entries(contents)) this.addTarget(`${id}/${file}`, content, role);
  }

  addTarget(path: string, content: string | Buffer, role: 'targets' | 'rollouts' = 'targets'): void {
    const bytes = Buffer.from(content);
    const hash = sha256(bytes);
    const targets = this.signed[role].targets as Record<string, object>;
    targets[path] = { length: bytes.length, hashes: { sha256: hash } };
    this.files.set(this.targetPath(path, hash), bytes);
  }

  targetPath(path: string, hash: string): string {
    return join('targets', dirname(path), `${hash}.${path.split('/').at(-1)}`);
  }

  halt(name: string, rollout: object = { schema: 1, halted: true, percent: 100, version: '1.0.0' }): void {
    this.addTarget(`rollouts/${name}.json`, JSON.stringify(rollout), 'rollouts');
  }

  /** Publishes a new version of `targets`, `rollouts`, `snapshot` and `timestamp`. */
  publish(): void {
    for (const role of ['rollouts', 'targets', 'snapshot', 'timestamp'] as const) this.publishRole(role);
  }

  /** Publishes a new version of one role. */
  publishRole(role: Role): void {
    this.signed[role].version += 1;
    this.signed[role].expires = this.#expiry(role);
    this.write(role);
  }

  /** Replaces the keys of a role, and publishes a new root, which the old root keys sign too. */
  rotate(...roles: Role[]): void {
    const old = this.keys.root;
    for (const role of roles) this.keys[role] = this.keys[role].map(makeKey);
    this.signed.root.version += 1;
    this.signed.root.expires = this.#expiry('root');
    this.write('root', [...old, ...this.keys.root]);
  }

  /** Signs a role as it is, and writes its file. */
  write(role: Role, keys = this.keys[role]): void {
    this.#connect(role);
    const metadata = Metadata.fromJSON(
      KINDS[role] as MetadataKind.Targets,
      {
        signed: this.signed[role],
        signatures: [],
      } as never,
    );
    for (const key of new Set(keys)) metadata.sign(key.sign);
    const text = Buffer.from(JSON.stringify(metadata.toJSON()));
    const { version } = this.signed[role];
    this.files.set(
      role === 'timestamp' ? 'metadata/timestamp.json' : `metadata/${version}.${role}.json`,
      text,
    );
    this.#announce(role, text);
  }

  /** Moves the time by which new metadata expires. */
  advance(byMs: number): void {
    this.nowMs += byMs;
  }

  /** Writes all files into a folder, such as a USB stick. */
  writeTo(folder: string): void {
    for (const [path, bytes] of this.files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    }
  }

  #newSigned(type: Role, rest: object): Signed {
    const _type = type === 'rollouts' ? 'targets' : type;
    return { _type, spec_version: '1.0.31', version: 1, expires: this.#expiry(type), ...rest };
  }

  #expiry(role: Role): string {
    return new Date(this.nowMs + LIFETIME_DAYS[role] * DAY_MS).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  /** Puts the present keys into the metadata that delegates. */
  #connect(role: Role): void {
    const keysOf = (...roles: Role[]) =>
      Object.fromEntries(roles.flatMap((one) => this.keys[one].map(({ id, json }) => [id, json])));
    const entry = (one: Role) => ({
      keyids: this.keys[one].map(({ id }) => id),
      threshold: one === 'root' ? 2 : 1,
    });
    if (role === 'root') {
      const top = ['root', 'timestamp', 'snapshot', 'targets'] as const;
      this.signed.root.keys = keysOf(...top);
      this.signed.root.roles = Object.fromEntries(top.map((one) => [one, entry(one)]));
    }
    if (role === 'targets' && this.signed.targets.delegations !== undefined) {
      const delegated = { ...entry('rollouts'), name: 'rollouts', terminating: true, paths: ['rollouts/*'] };
      this.signed.targets.delegations = { keys: keysOf('rollouts'), roles: [...this.delegated, delegated] };
    }
  }

  /** Puts version, length and hash of a role into the metadata that lists it. */
  #announce(role: Role, text: Buffer): void {
    const lister =
      role === 'snapshot' ? 'timestamp' : ['targets', 'rollouts'].includes(role) ? 'snapshot' : null;
    if (lister === null) return;
    const meta = this.signed[lister].meta as Record<string, object>;
    meta[`${role}.json`] = {
      version: this.signed[role].version,
      length: text.length,
      hashes: { sha256: sha256(text) },
    };
  }
}
