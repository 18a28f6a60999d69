import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf } from '../../kit/errors.js';
import { ConnectionError, type ConnectionErrorCode } from './connection-error.js';

/** How the bin and the broker prove who they are. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** File with the password, instead of `password`. It may end with a newline. */
  readonly passwordFile?: string;
  /** PEM file of the authorities that may sign the broker's certificate. Undefined: the authorities of Node.js. */
  readonly caFile?: string;
  /** PEM files of the client's certificate and its private key. */
  readonly client?: { readonly certFile: string; readonly keyFile: string };
}

/** The options of mqtt.js for credentials. */
export interface ClientCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** The keys of the section `mqtt` that name a file. */
export type CredentialKey = 'passwordFile' | 'ca' | 'cert' | 'key';

/** The file of a credential is unusable. */
export class CredentialError extends ConnectionError {
  constructor(
    readonly key: CredentialKey,
    code: ConnectionErrorCode,
    problem: string,
    cause?: unknown,
  ) {
    super(code, `mqtt.${key}: ${problem}`, { cause });
  }
}

/** Maximum length of a password in MQTT. */
const MAX_PASSWORD_BYTES = 65_535;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Reads the files of the credentials. They are read for each connection, so that a renewed file is used without a restart.
 * @throws ConnectionError, or the signal's reason
 */
export const readCredentials = async (
  { username, password, passwordFile, caFile, client }: Credentials,
  signal: AbortSignal,
): Promise<ClientCredentials> => {
  const secret = passwordFile === undefined ? password : await readPassword(passwordFile, signal);
  return {
    ...(username === undefined ? {} : { username }),
    ...(secret === undefined ? {} : { password: secret }),
    ...(caFile === undefined ? {} : { ca: await readCa(caFile, signal) }),
    ...(client === undefined ? {} : await readClientCertificate(client, signal)),
  };
};

/** Returns the error of each unusable file, but only the first one of a certificate and its key. */
export const findUnusableFiles = async ({
  passwordFile,
  caFile,
  client,
}: Credentials): Promise<CredentialError[]> => {
  const parts: Credentials[] = [
    ...(passwordFile === undefined ? [] : [{ passwordFile }]),
    ...(caFile === undefined ? [] : [{ caFile }]),
    ...(client === undefined ? [] : [{ client }]),
  ];
  const errors: CredentialError[] = [];
  for (const part of parts)
    await readCredentials(part, new AbortController().signal).catch((thrown) => {
      if (!(thrown instanceof CredentialError)) throw thrown;
      errors.push(thrown);
    });
  return errors;
};

const readPassword = async (file: string, signal: AbortSignal): Promise<string> => {
  const expected = 'Use a file that the daemon can read, and that contains only the password';
  const bytes = await read('passwordFile', file, 'password-file-unusable', expected, signal);
  const password = bytes.toString().replace(/\r?\n$/, '');
  if (password !== '' && bytes.length <= MAX_PASSWORD_BYTES) return password;
  const problem = password === '' ? 'has no password' : `is too large (${bytes.length} bytes)`;
  throw new CredentialError('passwordFile', 'password-file-unusable', `${file} ${problem}. ${expected}.`);
};

const readCa = async (file: string, signal: AbortSignal): Promise<Buffer> => {
  const ca = await read('ca', file, 'ca-file-unreadable', 'Use a PEM file that the daemon can read', signal);
  checkCertificates('ca', file, ca, 'ca-file-invalid');
  return ca;
};

const readClientCertificate = async (
  { certFile, keyFile }: NonNullable<Credentials['client']>,
  signal: AbortSignal,
): Promise<Pick<ClientCredentials, 'cert' | 'key'>> => {
  const code = 'client-certificate-unusable';
  const expected = 'Use a PEM file that the daemon can read';
  const cert = await read('cert', certFile, code, expected, signal);
  const key = await read('key', keyFile, code, expected, signal);
  const [certificate] = checkCertificates('cert', certFile, cert, code);
  if (!certificate?.checkPrivateKey(parseKey(keyFile, key)))
    throw new CredentialError(
      'key',
      code,
      `${keyFile} is not the key of the certificate in ${certFile}. Use the two files that belong together.`,
    );
  return { cert, key };
};

/** Node.js ignores a text without a certificate, and the handshake then fails with an error about the broker. */
const checkCertificates = (
  key: CredentialKey,
  file: string,
  pem: Buffer,
  code: ConnectionErrorCode,
): X509Certificate[] => {
  const blocks = pem.toString('latin1').match(CERTIFICATE) ?? [];
  const expected = 'Use a PEM file: it contains the line "-----BEGIN CERTIFICATE-----"';
  if (blocks.length === 0) throw new CredentialError(key, code, `no certificate in ${file}. ${expected}.`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    const problem = `a certificate in ${file} is damaged: ${messageOf(cause)}. ${expected}.`;
    throw new CredentialError(key, code, problem, cause);
  }
};

const parseKey = (file: string, pem: Buffer) => {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const problem = `no private key in ${file}: ${messageOf(cause)}. Use a PEM file with a key that has no passphrase.`;
    throw new CredentialError('key', 'client-certificate-unusable', problem, cause);
  }
};

const read = async (
  key: CredentialKey,
  file: string,
  code: ConnectionErrorCode,
  expected: string,
  signal: AbortSignal,
): Promise<Buffer> => {
  try {
    return await readFile(file, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    const problem = `cannot read ${file}: ${messageOf(cause)}. ${expected}.`;
    throw new CredentialError(key, code, problem, cause);
  }
};
