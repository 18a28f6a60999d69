import type { Fault } from '../kit/errors.js';
import type { BundleId } from './bundle-id.js';
import type { GateReport } from './gates/gates.js';
import type { Catalogue, PublishedBundle, Revocation } from './repository/repository.js';

/**
 * A bundle on this disk. Two bundles of one id are the same if their manifests are, because that names the sha256 of each
 * file that the bin uses. Another publisher may have used the same id.
 */
export interface InstalledBundle extends BundleId {
  /** null: manifest.json is missing or damaged. */
  readonly manifestSha256: string | null;
}

/** What the machine decides by. It does not change while the program runs. */
export interface Settings {
  /** The bin takes bundles of this name only. */
  readonly name: string;
  readonly factory: InstalledBundle;
  /** Runtime faults in a row, after which a bundle under watch is taken back. */
  readonly maxFaults: number;
  /** The same for all runtime faults of a bundle under watch, because good items may be between them. */
  readonly maxAllFaults: number;
  /** Starts in a row that did not become healthy, after which a bundle under watch is taken back. */
  readonly maxStarts: number;
  /** How often a bundle may be checked and activated without an end, for example because the process was killed. */
  readonly maxAttempts: number;
  /** Items in a row without a fault, after which a bundle is trusted. */
  readonly healthyItems: number;
  /** Time without a fault after which a start counts as healthy, and a bundle with at least one good item is trusted. */
  readonly healthyMs: number;
  /** Slots that stay on the disk: `current`, `previous` and the newest others. */
  readonly maxSlots: number;
}

/** Why the bin wants a bundle: the newest one of a poll, or the command of a person. */
export type Cause = (typeof CAUSES)[number];
export const CAUSES = ['polling', 'install', 'activate'] as const;

/**
 * What happens now. `shadow` and `probation` will be between `checking` and `activating`.
 * - `new`: no state was stored
 * - `ready`: installed and checked, waits for the allowed hours, for the end of a halt, or for `activate`
 * - `activating`: the model is exchanged. `bundle`: null is the factory bundle. `return`: from a bad or revoked bundle,
 *   or by a person. Such a phase starts with the pointers already switched, and lasts until the model is exchanged.
 */
export type Phase =
  | { readonly name: 'new' | 'idle' }
  | {
      readonly name: 'downloading';
      readonly bundle: PublishedBundle;
      readonly cause: Cause;
      /** Folder of a repository on this machine; null: the configured repository. */
      readonly source: string | null;
    }
  | { readonly name: 'checking' | 'ready'; readonly bundle: BundleId; readonly cause: Cause }
  | { readonly name: 'activating'; readonly bundle: BundleId | null; readonly cause: Cause | 'return' };

/** The active bundle is not trusted yet. Published as the phase `watching` while nothing else happens. */
export interface Watch {
  /** Runtime faults in a row. */
  readonly faults: number;
  readonly allFaults: number;
  /** Items in a row without a fault. */
  readonly items: number;
  /** Time of the activation, of the start, or of the last fault. */
  readonly sinceMs: number;
}

export interface Rejection extends InstalledBundle {
  readonly code: string;
  readonly reason: string;
  readonly at: string;
}

/** The last checks that an installed bundle has passed. */
export interface PassedChecks extends BundleId, GateReport {
  readonly at: string;
}

export const REPORT_EVENTS = ['installed', 'activated', 'trusted', 'rejected', 'returned', 'failed'] as const;

/** Something that happened to a bundle, for the journal and for people. `bundle`: null is the factory bundle. */
export interface Report {
  readonly event: (typeof REPORT_EVENTS)[number];
  readonly bundle: BundleId | null;
  readonly code: string | null;
  readonly reason: string | null;
  readonly at: string;
}

/** An operation that runs. Its result has the same number; a late result of another one changes nothing. */
export interface Job {
  readonly op: number;
  readonly kind: 'download' | 'build' | 'check' | 'swap';
}

/** The state of updates. Plain JSON: it is stored whole at each `persist`. */
export interface State {
  readonly schema: 1;
  readonly phase: Phase;
  /** The pointers as they shall be. The store is brought to them at the start. `current`: null is the factory bundle. */
  readonly current: BundleId | null;
  /** The last trusted bundle before `current`; null: the factory bundle. */
  readonly previous: BundleId | null;
  readonly watch: Watch | null;
  /** Starts with `current` that did not become healthy. */
  readonly starts: number;
  /** The bundle that was checked last without a verdict, and how often. */
  readonly attempt: (BundleId & { readonly count: number }) | null;
  readonly isPinned: boolean;
  /** Bundles that polling does not try again. The newest ones, at most `MAX_REJECTED`. */
  readonly rejected: readonly Rejection[];
  /** From the last catalogue. */
  readonly revoked: readonly Revocation[];
  /** From the last catalogue. */
  readonly halted: readonly string[];
  /** Installed bundles that were healthy on this bin. */
  readonly trusted: readonly BundleId[];
  /** Of installed bundles. */
  readonly checked: readonly PassedChecks[];
  readonly last: Report | null;
  /** The slots on the disk. */
  readonly installed: readonly InstalledBundle[];
  readonly job: Job | null;
  readonly nextOp: number;
}

export const MAX_REJECTED = 50;

export const initialState: State = {
  schema: 1,
  phase: { name: 'new' },
  current: null,
  previous: null,
  watch: null,
  starts: 0,
  attempt: null,
  isPinned: false,
  rejected: [],
  revoked: [],
  halted: [],
  trusted: [],
  checked: [],
  last: null,
  installed: [],
  job: null,
  nextOp: 1,
};

/** What the store shows at the start. */
export interface StoreView {
  readonly current: BundleId | null;
  readonly previous: BundleId | null;
  readonly installed: readonly InstalledBundle[];
}

export type UpdateCommand =
  | { readonly name: 'install'; readonly bundle: PublishedBundle; readonly source: string | null }
  | { readonly name: 'activate'; readonly bundle: BundleId }
  | { readonly name: 'rollback' }
  | { readonly name: 'pin' }
  | { readonly name: 'unpin' };

/** When an input arrives. */
export interface Moment {
  /** Monotonic time in milliseconds. */
  readonly atMs: number;
  /** Wall time, ISO 8601, for records only. */
  readonly at: string;
  /** Whether the bin may install and activate now without a person. */
  readonly isAllowed: boolean;
}

export type Input = Moment &
  (
    | { readonly type: 'start'; readonly store: StoreView }
    /** The first model runs. `failures`: the bundles that were tried before, and did not start. */
    | {
        readonly type: 'started';
        readonly bundle: BundleId | null;
        readonly failures: readonly { readonly bundle: BundleId | null; readonly fault: Fault }[];
      }
    /** The program ends in order, so that this start was no crash. */
    | { readonly type: 'stop' }
    /** `mayInstall`: a poll. Otherwise only its revocations count. */
    | { readonly type: 'catalogue'; readonly catalogue: Catalogue; readonly mayInstall: boolean }
    /** A job has ended. `installed`: the slots, if the job may have changed them. `report`: of a check. */
    | {
        readonly type: 'done';
        readonly op: number;
        readonly installed?: readonly InstalledBundle[];
        readonly report?: GateReport;
      }
    | {
        readonly type: 'failed';
        readonly op: number;
        readonly fault: Fault;
        readonly installed?: readonly InstalledBundle[];
      }
    /** An item was classified by this bundle, or not because its runtime failed. */
    | { readonly type: 'item'; readonly bundle: BundleId; readonly isFault: boolean }
    | { readonly type: 'tick' }
    | { readonly type: 'command'; readonly command: UpdateCommand }
  );

/** Performed in order. `persist` is the first one, and stores the state after the step. Jobs end later, with an input. */
export type Effect =
  | { readonly type: 'persist' }
  /** Make room, and download the files that are missing. */
  | {
      readonly type: 'download';
      readonly op: number;
      readonly bundle: PublishedBundle;
      readonly source: string | null;
    }
  | { readonly type: 'build'; readonly op: number; readonly bundle: PublishedBundle }
  | { readonly type: 'check'; readonly op: number; readonly bundle: BundleId }
  | { readonly type: 'swap'; readonly op: number; readonly bundle: BundleId | null }
  /** Abort the job that runs. */
  | { readonly type: 'abort' }
  /** Bring the store to the pointers of the state. */
  | { readonly type: 'point' }
  | { readonly type: 'remove'; readonly bundles: readonly BundleId[] }
  | { readonly type: 'report'; readonly report: Report }
  /** The answer to a command; null: accepted. */
  | { readonly type: 'answer'; readonly fault: Fault<UpdateRefusal> | null };

/**
 * - `update-busy`: the model is being exchanged
 * - `update-revoked`: the bundle is revoked
 * - `update-not-installed`: no such slot
 * - `update-no-previous`: the factory bundle is active, so that there is nothing to go back to
 * - `update-other-content`: the active bundle or the factory bundle has this id, but its content is not the published one
 */
export type UpdateRefusal =
  | 'update-busy'
  | 'update-revoked'
  | 'update-not-installed'
  | 'update-no-previous'
  | 'update-other-content';

export interface Transition {
  readonly state: State;
  readonly effects: readonly Effect[];
}
