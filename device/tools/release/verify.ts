import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { TargetFile } from '@tufjs/models';
import { Updater } from 'tuf-js';
import { messageOf } from '../../kit/errors.js';
import { hashedPath } from './add.js';
import { RepositoryFetcher, ROLLOUTS_FIX } from './fetcher.js';
import { leadsOut } from './folder/links.js';
import {
  type MetadataOf,
  parseMetadata,
  ROLLOUTS,
  rolloutsProblem,
  SIGNED_AT,
  tufTime,
} from './folder/metadata.js';
import { DAY_MS, LIFETIME_DAYS, ReleaseError, ROLES, type Role } from './release.js';

export interface VerifyOptions {
  /** URL or folder of a repository. */
  readonly source: string;
  /** The root that a bin trusts. It may be an old one. */
  readonly root: string;
  /** Days before an expiry from which it is reported. Default: a quarter of the role's lifetime. */
  readonly warnDays?: number | undefined;
  readonly nowMs: number;
}

export interface RoleReport {
  readonly role: Role;
  readonly version: number;
  readonly expires: string;
  readonly daysLeft: number;
  readonly isExpiring: boolean;
}

export interface Verification {
  readonly roles: readonly RoleReport[];
  readonly files: number;
  readonly bytes: number;
}

/**
 * Verifies a repository from outside, like a client that has only the root: the chain of all metadata, and length and
 * sha256 of every target.
 * @throws ReleaseError `release-invalid`, `release-expired`, `release-unreachable` or `release-missing`
 */
export const verifyRepository = async (options: VerifyOptions): Promise<Verification> => {
  const { source } = options;
  const folder = mkdtempSync(join(tmpdir(), 'sortbin-verify-'));
  const fetcher = new RepositoryFetcher();
  try {
    writeFileSync(join(folder, 'root.json'), readRoot(options.root));
    const base = baseOf(source);
    const updater = new Updater({ metadataDir: folder, metadataBaseUrl: `${base}/metadata`, fetcher });
    await updater.refresh();
    // A target that the role cannot have makes the client load the role.
    await updater.getTargetInfo(`${ROLLOUTS}/-`);
    const metadata = readVerified(folder);
    checkRollouts(source, metadata.rollouts);
    checkSignedAt(source, metadata.timestamp, options.nowMs);
    const targets = [...targetsOf(metadata.targets), ...targetsOf(metadata.rollouts)];
    for (const target of targets) await verifyTarget(`${base}/targets`, target, fetcher);
    return {
      roles: ROLES.map((role) => reportOn(role, metadata[role], options)),
      files: targets.length,
      bytes: targets.reduce((sum, { length }) => sum + length, 0),
    };
  } catch (thrown) {
    throw explain(source, fetcher.failure ?? thrown);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const readRoot = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ReleaseError(
      'release-missing',
      `--root ${path}: cannot be read (${messageOf(cause)}). Name the root that a bin trusts.`,
      { cause },
    );
  }
};

const baseOf = (source: string): string =>
  (/^https?:\/\//.test(source) ? source : pathToFileURL(resolve(source)).href).replace(/\/+$/, '');

/** tuf-js has stored what it has verified. */
const readVerified = (folder: string): MetadataOf => {
  const read = <R extends Role>(role: R) =>
    parseMetadata(role, readFileSync(join(folder, `${role}.json`)), `${role}.json`);
  return {
    root: read('root'),
    targets: read('targets'),
    snapshot: read('snapshot'),
    timestamp: read('timestamp'),
    rollouts: read('rollouts'),
  };
};

/** Bins ignore such files, but only somebody with the key of the role can have added them. */
const checkRollouts = (source: string, rollouts: MetadataOf['rollouts']): void => {
  const problem = rolloutsProblem(rollouts);
  if (problem) throw new ReleaseError('release-invalid', `${source}: rollouts ${problem}. ${ROLLOUTS_FIX}`);
};

/** Difference of two clocks that is not reported. */
const CLOCK_TOLERANCE_MS = 3_600_000;

/** Bins take the time of the last signature as a lower limit of their clocks, so that metadata expires too early. */
const checkSignedAt = (source: string, { signed }: MetadataOf['timestamp'], nowMs: number): void => {
  const signedMs = Date.parse(String(signed.unrecognizedFields[SIGNED_AT]));
  if (!(signedMs > nowMs + CLOCK_TOLERANCE_MS)) return;
  throw new ReleaseError(
    'release-clock',
    `${source}: the timestamp was signed at ${tufTime(signedMs)}, but the clock here is ${tufTime(nowMs)}. If this clock is right, bins will refuse the next signatures: replace the key of timestamp.`,
  );
};

const targetsOf = ({ signed }: MetadataOf['targets']): TargetFile[] => Object.values(signed.targets);

const verifyTarget = async (base: string, target: TargetFile, fetcher: RepositoryFetcher): Promise<void> => {
  const { path, length, hashes } = target;
  const sha256 = hashes.sha256 ?? '';
  const url = `${base}/${hashedPath(path, sha256)}`;
  // A web server, and a copy on another disk, do not have what is elsewhere.
  if (url.startsWith('file:') && leadsOut(fileURLToPath(base), fileURLToPath(url)))
    throw new ReleaseError(
      'release-invalid',
      `${path}: a symbolic link leads out of the repository. Replace it by what it leads to.`,
    );
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of await fetcher.fetch(url)) {
    bytes += chunk.length;
    // A server must not keep the command busy with endless data.
    if (bytes > length) break;
    hash.update(chunk);
  }
  const problem =
    bytes > length
      ? `more than ${length} bytes`
      : bytes < length
        ? `${bytes} bytes, expected ${length}`
        : hash.digest('hex') === sha256
          ? null
          : 'another sha256 than the signed one';
  if (problem) throw new ReleaseError('release-invalid', `${path}: ${problem}. Publish the file again.`);
};

const reportOn = (
  role: Role,
  { signed }: MetadataOf[Role],
  { warnDays, nowMs }: VerifyOptions,
): RoleReport => {
  const leftMs = Date.parse(signed.expires) - nowMs;
  const limitDays = warnDays ?? LIFETIME_DAYS[role] / 4;
  return {
    role,
    version: signed.version,
    expires: signed.expires,
    daysLeft: Math.floor(leftMs / DAY_MS),
    isExpiring: leftMs < limitDays * DAY_MS,
  };
};

const explain = (source: string, thrown: unknown): ReleaseError => {
  if (thrown instanceof ReleaseError) return thrown;
  const message = messageOf(thrown);
  const expired = /(\w+)\.json is expired/i.exec(message)?.[1];
  if (expired !== undefined)
    return new ReleaseError(
      'release-expired',
      `${source}: ${expired} has expired. Sign it again with "sortbin release ${expired === 'timestamp' ? 'timestamp' : 'sign'}".`,
      { cause: thrown },
    );
  return new ReleaseError('release-invalid', `${source}: ${message}. Clients refuse this repository.`, {
    cause: thrown,
  });
};
