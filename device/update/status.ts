import type { Answer } from '../kit/errors.js';
import type { BundleId } from './bundle-id.js';
import type { RepositoryFault } from './repository/repository.js';
import type { Rejection, Report, Settings, State, UpdateRefusal } from './state.js';
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
  readonly isPinned: boolean;
  readonly rejected: readonly Rejection[];
  /** What happened last. */
  readonly last: Report | null;
  /** Wall time of the last successful refresh of the metadata since the start. */
  readonly checkedAtMs: number | null;
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
  readonly isTrusted: boolean;
  /** Size of its files; null for the factory bundle. */
  readonly bytes: number | null;
  readonly rejection: Rejection | null;
  /** The reason of its revocation. */
  readonly revoked: string | null;
}

/** `gate-postponed`: the gate could not run now, and the bundle is tried again later. Each other code rejects it. */
export type GateFault = 'gate-postponed' | (string & {});

/** The checks of a bundle before its activation. */
export interface Gates {
  check(bundleFolder: string, signal: AbortSignal): Promise<Answer<unknown, GateFault>>;
}

const idOf = ({ name, version }: BundleId): BundleId => ({ name, version });

export const statusOf = (
  state: State,
  { factory }: Settings,
  progress: Progress | null,
  checkedAtMs: number | null,
): UpdateStatus => {
  const { phase, watch, current, previous, isPinned, rejected, last } = state;
  const isIdle = phase.name === 'idle' || phase.name === 'new';
  const candidate = 'bundle' in phase ? (phase.bundle ?? factory) : null;
  return {
    phase: isIdle ? (watch ? 'watching' : 'idle') : phase.name,
    current: current ?? factory,
    isFactory: current === null,
    previous,
    candidate: candidate && idOf(candidate),
    progress,
    isPinned,
    rejected,
    last,
    checkedAtMs,
  };
};
