import type { Answer, Fault } from '../kit/errors.js';
import type { BundleId } from './bundle-id.js';
import type { GateReport } from './gates/gates.js';
import type { RepositoryFault, UnusableBundle } from './repository/repository.js';
import type { PassedChecks, Rejection, Report, Settings, State, UpdateRefusal } from './state.js';
import type { StoreFault } from './store/store.js';

/** Bytes of the download that runs. */
export interface Progress {
  readonly bytes: number;
  readonly totalBytes: number;
}

/** What updates do now, for people and programs. */
export interface UpdateStatus {
  readonly phase: 'idle' | 'downloading' | 'checking' | 'ready' | 'activating' | 'watching';
  readonly current: BundleId;
  readonly isFactory: boolean;
  /** The bundle that a rollback leads to; null: the factory bundle. */
  readonly previous: BundleId | null;
  /** The bundle that is downloaded, checked, ready or activated. */
  readonly candidate: BundleId | null;
  readonly progress: Progress | null;
  /** A newer bundle that the repository offers and that may be installed; null: none. */
  readonly available: BundleId | null;
  readonly isPinned: boolean;
  readonly rejected: readonly Rejection[];
  /** What happened last. */
  readonly last: Report | null;
  /** Wall time of the last successful refresh of the metadata since the start. */
  readonly checkedAtMs: number | null;
  /** The present fault of the repository, of the store or of the stored state. */
  readonly fault: Fault<UpdateFault> | null;
}

/** Receives what updates do. Each method must return at once. */
export interface UpdateObserver {
  status?(status: UpdateStatus): void;
  report?(report: Report): void;
}

/**
 * - `update-rejected`: the bundle failed a check or could not be activated; the message has the reason
 * - `update-stopped`: the program is stopping, or updates could not start
 */
export type UpdateFault = RepositoryFault | StoreFault | UpdateRefusal | 'update-rejected' | 'update-stopped';

/** A bundle that is installed, published or both, with all that is known about it. */
export interface BundleEntry extends BundleId {
  readonly isCurrent: boolean;
  readonly isPrevious: boolean;
  readonly isFactory: boolean;
  readonly isInstalled: boolean;
  readonly isPublished: boolean;
  /** It is on this disk, and a bundle with the same id but other content is published. */
  readonly hasOtherContent: boolean;
  readonly isTrusted: boolean;
  /** Size of its files; null for the factory bundle. */
  readonly bytes: number | null;
  /** When it was installed, ISO 8601; null: not in the store. */
  readonly installedAt: string | null;
  readonly rejection: Rejection | null;
  readonly revoked: { readonly reason: string; readonly at: string } | null;
  /** The last checks that it has passed on this bin. */
  readonly checked: Omit<PassedChecks, keyof BundleId> | null;
}

/** All bundles of a bin, and what is wrong with others. */
export interface BundleList extends Pick<UpdateStatus, 'fault' | 'last'> {
  /** The newest version first. */
  readonly bundles: readonly BundleEntry[];
  /** Published, but not a bundle. */
  readonly unusable: readonly UnusableBundle[];
}

/** A bundle with what a person asks about a single one. */
export interface BundleDetails extends BundleEntry {
  /** null: not installed */
  readonly folder: string | null;
  /** Its files as the repository describes them; null: not published. */
  readonly files: readonly { readonly file: string; readonly bytes: number }[] | null;
}

/** `check-postponed`: the gate could not run now, and the bundle is tried again later. Each other code rejects it. */
export type GateFault = 'check-postponed' | (string & {});

/** The checks of a bundle before its activation. */
export interface Gates {
  check(bundleFolder: string, signal: AbortSignal): Promise<Answer<GateReport, GateFault>>;
}

const idOf = ({ name, version }: BundleId): BundleId => ({ name, version });

export const statusOf = (
  state: State,
  { factory }: Settings,
  progress: Progress | null,
  { available, checkedAtMs, fault }: Pick<UpdateStatus, 'available' | 'checkedAtMs' | 'fault'>,
): UpdateStatus => {
  const { phase, watch, current, previous, isPinned, rejected, last } = state;
  const isIdle = phase.name === 'idle' || phase.name === 'new';
  const candidate = 'bundle' in phase ? (phase.bundle ?? factory) : null;
  return {
    phase: isIdle ? (watch ? 'watching' : 'idle') : phase.name,
    current: idOf(current ?? factory),
    isFactory: current === null,
    previous,
    candidate: candidate && idOf(candidate),
    progress,
    available,
    isPinned,
    rejected,
    last,
    checkedAtMs,
    fault,
  };
};
