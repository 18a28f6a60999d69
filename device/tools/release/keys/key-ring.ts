import { sign } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Signature } from '@tufjs/models';
import { messageOf } from '../../../kit/errors.js';
import type { Disk } from '../folder/disk.js';
import { ReleaseError, type Role } from '../release.js';
import { type KeyFile, openKey, type PrivateKey, parseKeyFile, sealKey } from './key-file.js';

const ENDING = '.key.json';

/** Where the passphrases of key files come from. */
export interface Passphrases {
  /** Passphrases of files. Each one is tried for each key. */
  readonly known: readonly string[];
  /** Asks for the passphrase of a key file. `isRepeated`: the last answer was wrong. null: there is no terminal. */
  readonly ask: ((file: string, isRepeated: boolean) => Promise<string>) | null;
}

/** A key and the path of its file. */
export interface StoredKey {
  readonly path: string;
  readonly file: KeyFile;
}

/** Signs bytes with one key. */
export type Signer = (bytes: Buffer) => Signature;

/** The key files of some folders. A key is decrypted when it is first needed. */
export class KeyRing {
  readonly #stored = new Map<string, StoredKey>();
  readonly #open = new Map<string, PrivateKey>();
  readonly #passphrases: string[];

  /** @throws ReleaseError `release-key` if a folder or a file cannot be read */
  constructor(
    readonly folders: readonly string[],
    /** sha256 of the first root of the repository for which the keys sign. */
    private readonly repository: string,
    private readonly source: Passphrases,
  ) {
    this.#passphrases = [...source.known];
    for (const folder of folders)
      for (const path of keyFilesIn(folder)) {
        const file = parseKeyFile(path, readFileSync(path, 'utf8'));
        this.#stored.set(file.keyId, { path, file });
      }
  }

  has(keyId: string): boolean {
    return this.#stored.has(keyId);
  }

  /** Adds a new key, without a file. */
  add(key: PrivateKey, stored: StoredKey): void {
    this.#open.set(key.keyId, key);
    this.#stored.set(key.keyId, stored);
  }

  /** Returns signers for those of the keys that the folders contain. @throws ReleaseError `release-key` */
  async signers(keyIds: Iterable<string>): Promise<Signer[]> {
    const signers: Signer[] = [];
    for (const keyId of new Set(keyIds)) {
      const stored = this.#stored.get(keyId);
      if (stored) signers.push(signerOf(await this.#unlock(stored)));
    }
    return signers;
  }

  async #unlock({ path, file }: StoredKey): Promise<PrivateKey> {
    const present = this.#open.get(file.keyId);
    if (present) return present;
    // Otherwise a folder with another first root could make an offline key sign foreign metadata.
    if (file.repository !== this.repository)
      throw new ReleaseError(
        'release-key',
        `${path}: made for another repository, whose 1.root.json has another sha256. Use the keys of this repository.`,
      );
    const key = await this.#decrypt(path, file);
    this.#open.set(file.keyId, key);
    return key;
  }

  async #decrypt(path: string, file: KeyFile): Promise<PrivateKey> {
    const candidates = file.encryption === null ? [''] : this.#passphrases;
    for (const passphrase of candidates) {
      const key = await openKey(path, file, passphrase);
      if (key) return key;
    }
    const { ask } = this.source;
    for (let attempt = 0; ask && attempt < 3; attempt++) {
      const passphrase = await ask(path, attempt > 0);
      const key = await openKey(path, file, passphrase);
      if (!key) continue;
      this.#passphrases.push(passphrase);
      return key;
    }
    throw new ReleaseError(
      'release-key',
      candidates.length === 0 && !ask
        ? `${path}: a passphrase is needed. Use --passphrase-file, or run the command on a terminal.`
        : `${path}: wrong passphrase. Use the passphrase with which the key was made.`,
    );
  }
}

export const signerOf =
  ({ keyId, secret }: PrivateKey): Signer =>
  (bytes) =>
    new Signature({ keyID: keyId, sig: sign(null, bytes, secret).toString('hex') });

/** Encrypts a new key for a file in a folder, which is not written yet. */
export const sealInto = async (
  folder: string,
  key: PrivateKey,
  repository: string,
  passphrase: string | null,
): Promise<StoredKey> => ({
  path: join(folder, keyFileName(key)),
  file: await sealKey(key, repository, passphrase),
});

/** Writes the file of a new key. Only the owner may read it. */
export const writeKey = (disk: Disk, { path, file }: StoredKey): void => {
  disk.makeFolder(dirname(path), 0o700);
  disk.write(path, `${JSON.stringify(file, null, 2)}\n`, 0o600);
};

const keyFileName = ({ role, keyId }: { readonly role: Role; readonly keyId: string }): string =>
  `${role}-${keyId.slice(0, 8)}${ENDING}`;

const keyFilesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(ENDING))
      .sort()
      .map((name) => join(folder, name));
  } catch (cause) {
    throw new ReleaseError(
      'release-key',
      `--keys ${folder}: cannot be read (${messageOf(cause)}). Name a folder with key files (*${ENDING}).`,
      { cause },
    );
  }
};
