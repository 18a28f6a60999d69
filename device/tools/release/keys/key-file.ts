import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  type ScryptOptions,
  scrypt,
} from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { ReleaseError, ROLES, type Role } from '../release.js';

/** A private key of a role, ready to sign. */
export interface PrivateKey {
  readonly role: Role;
  /** sha256 of the public key in canonical JSON, as TUF recommends. */
  readonly keyId: string;
  /** The public key, 32 bytes in hexadecimal digits. */
  readonly public: string;
  readonly secret: KeyObject;
}

/** scrypt with 128 MiB of memory: about half a second for each attempt. */
const SCRYPT = { n: 2 ** 17, r: 8, p: 1 } as const;
/** Limits for a file, which may come from another person. */
const MAX_SCRYPT = { n: 2 ** 20, r: 16, p: 4 } as const;
const CIPHER = 'aes-256-gcm';

const hex64 = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * Version 1 of a key file. `repository` is the sha256 of the first root: a key never signs for another repository.
 * `encryption` is null for a key without a passphrase.
 */
const keyFileSchema = z.strictObject({
  format: z.literal('sortbin-release-key'),
  version: z.literal(1),
  role: z.enum(ROLES),
  keyId: hex64,
  public: hex64,
  repository: hex64,
  encryption: z
    .strictObject({
      kdf: z.literal('scrypt'),
      n: z.int().min(2).max(MAX_SCRYPT.n),
      r: z.int().min(1).max(MAX_SCRYPT.r),
      p: z.int().min(1).max(MAX_SCRYPT.p),
      salt: z.base64().length(24),
      cipher: z.literal(CIPHER),
      nonce: z.base64().length(16),
      tag: z.base64().length(24),
    })
    .nullable(),
  secret: z.base64().length(44),
});

export type KeyFile = z.infer<typeof keyFileSchema>;

export const makeKey = (role: Role): PrivateKey => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = rawPublicOf(publicKey);
  return { role, keyId: keyIdOf(raw), public: raw, secret: privateKey };
};

/** Returns the public key as TUF metadata contains it. */
export const publicJsonOf = (raw: string) => ({
  keytype: 'ed25519',
  keyval: { public: raw },
  scheme: 'ed25519',
});

/** Whether a key in TUF metadata has the id that this tool gives it, so that no other key is behind a known id. */
export const hasOwnId = (keyId: string, json: unknown): boolean => {
  const raw = String(Object(Object(json).keyval).public);
  return isDeepStrictEqual(json, publicJsonOf(raw)) && keyIdOf(raw) === keyId;
};

/** The keys are in the order of canonical JSON. */
const keyIdOf = (raw: string): string =>
  createHash('sha256')
    .update(JSON.stringify(publicJsonOf(raw)))
    .digest('hex');

const rawPublicOf = (key: KeyObject): string =>
  Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');

/** Encrypts a key. Without a passphrase, the file contains the secret as it is. */
export const sealKey = async (
  key: PrivateKey,
  repository: string,
  passphrase: string | null,
): Promise<KeyFile> => {
  const seed = Buffer.from(key.secret.export({ format: 'jwk' }).d ?? '', 'base64url');
  const head = { format: 'sortbin-release-key', version: 1, ...publicPartOf(key), repository } as const;
  if (passphrase === null) return { ...head, encryption: null, secret: seed.toString('base64') };
  const [salt, nonce] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv(CIPHER, await derive(passphrase, salt, SCRYPT), nonce);
  cipher.setAAD(associatedData(head));
  const secret = Buffer.concat([cipher.update(seed), cipher.final()]).toString('base64');
  const base64 = (bytes: Buffer) => bytes.toString('base64');
  const encryption: KeyFile['encryption'] = {
    kdf: 'scrypt',
    ...SCRYPT,
    salt: base64(salt),
    cipher: CIPHER,
    nonce: base64(nonce),
    tag: base64(cipher.getAuthTag()),
  };
  return { ...head, encryption, secret };
};

/** Returns the key of a file, or null if the passphrase is wrong. @throws ReleaseError if the file contradicts itself */
export const openKey = async (
  path: string,
  file: KeyFile,
  passphrase: string,
): Promise<PrivateKey | null> => {
  const seed = await seedOf(file, passphrase);
  if (seed === null) return null;
  const jwk = { kty: 'OKP', crv: 'Ed25519', d: seed.toString('base64url'), x: '' };
  jwk.x = Buffer.from(file.public, 'hex').toString('base64url');
  const secret = createPrivateKey({ key: jwk, format: 'jwk' });
  const raw = rawPublicOf(createPublicKey(secret));
  if (raw !== file.public || keyIdOf(raw) !== file.keyId)
    throw new ReleaseError(
      'release-key',
      `${path}: the public part is of another key. Use a backup of the file.`,
    );
  return { ...publicPartOf(file), secret };
};

const seedOf = async (
  { encryption, secret, ...head }: KeyFile,
  passphrase: string,
): Promise<Buffer | null> => {
  const bytes = Buffer.from(secret, 'base64');
  if (encryption === null) return bytes;
  const key = await derive(passphrase, Buffer.from(encryption.salt, 'base64'), encryption);
  const decipher = createDecipheriv(CIPHER, key, Buffer.from(encryption.nonce, 'base64'));
  decipher.setAAD(associatedData(head)).setAuthTag(Buffer.from(encryption.tag, 'base64'));
  try {
    return Buffer.concat([decipher.update(bytes), decipher.final()]);
  } catch {
    return null;
  }
};

/** Parses the text of a key file. @throws ReleaseError `release-key` */
export const parseKeyFile = (path: string, text: string): KeyFile => {
  try {
    return keyFileSchema.parse(JSON.parse(text));
  } catch (cause) {
    // The cause could contain a part of the file.
    const problem = cause instanceof z.ZodError ? (cause.issues[0]?.path.join('.') ?? '') : 'not JSON';
    throw new ReleaseError(
      'release-key',
      `${path}: not a key file of version 1 (${problem || 'unknown keys'}). Use a backup of the file, or move it away.`,
    );
  }
};

type PublicPart = Pick<PrivateKey, 'role' | 'keyId' | 'public'>;

const publicPartOf = ({ role, keyId, public: raw }: PublicPart): PublicPart => ({ role, keyId, public: raw });

/** The passphrase protects the role, the public key and the repository too. */
const associatedData = ({ role, keyId, public: raw, repository }: PublicPart & Pick<KeyFile, 'repository'>) =>
  Buffer.from(JSON.stringify([role, keyId, raw, repository]));

const derive = (
  passphrase: string,
  salt: Buffer,
  { n, r, p }: { readonly n: number; readonly r: number; readonly p: number },
): Promise<Buffer> => {
  const options: ScryptOptions = { N: n, r, p, maxmem: 256 * n * r };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), salt, 32, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
};
