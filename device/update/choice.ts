import type { Fault } from '../kit/errors.js';
import { type BundleId, compareVersions, isBundleVersion, textOf } from './bundle-id.js';
import type { Catalogue, PublishedBundle } from './repository/repository.js';
import type { InstalledBundle, Settings, State } from './state.js';

/** Returns whether two ids name the same bundle. null: the factory bundle. */
export const isSame = (a: BundleId | null, b: BundleId | null): boolean =>
  a === null || b === null ? a === b : textOf(a) === textOf(b);

export const includes = (bundles: readonly BundleId[], id: BundleId | null): boolean =>
  bundles.some((bundle) => isSame(bundle, id));

/** Returns the bundles without one of them. */
export const without = <T extends BundleId>(bundles: readonly T[], id: BundleId): T[] =>
  bundles.filter((bundle) => !isSame(bundle, id));

/** Whether two bundles of one id have different content. An unknown content counts as the same. */
export const differ = (a: InstalledBundle | undefined, b: InstalledBundle): boolean =>
  !!a?.manifestSha256 && b.manifestSha256 !== null && a.manifestSha256 !== b.manifestSha256;

/** Returns the bundle of this id on the disk, the factory bundle included. */
const onDisk = (
  { installed }: State,
  id: BundleId,
  { factory }: Pick<Settings, 'factory'>,
): InstalledBundle | undefined => [...installed, factory].find((bundle) => isSame(bundle, id));

/** Whether the disk has another bundle with the id of a published one. */
export const hasOtherContent = (
  state: State,
  bundle: PublishedBundle,
  settings: Pick<Settings, 'factory'>,
): boolean => differ(onDisk(state, bundle, settings), bundle);

/** The version of the factory bundle may have build metadata, which has no order: it counts as the oldest one. */
const isNewer = (id: BundleId, other: BundleId): boolean =>
  !isBundleVersion(other.version) || compareVersions(id.version, other.version) > 0;

const newestOf = <T extends BundleId>(bundles: readonly T[]): T | null =>
  bundles.reduce<T | null>((newest, bundle) => (newest && !isNewer(bundle, newest) ? newest : bundle), null);

/** Whether a bundle may be active. The factory bundle always may. */
export const isUsable = (state: State, id: BundleId | PublishedBundle): boolean => {
  if (includes(state.revoked, id)) return false;
  const rejection = state.rejected.find((other) => isSame(other, id));
  const content = 'files' in id ? id : state.installed.find((other) => isSame(other, id));
  return !rejection || (content !== undefined && differ(rejection, content));
};

/** Returns why a bundle must be left at once; null: it is not revoked. */
export const revocationOf = ({ revoked }: State, id: BundleId): Fault | null => {
  const found = revoked.find((revocation) => isSame(revocation, id));
  return found ? { code: 'update-revoked', message: `${textOf(id)} is revoked: ${found.reason}` } : null;
};

/** Returns the newest bundle that a poll may install: newer than the active one and than one that waits; null: none. */
export const choosePublished = (
  state: State,
  { bundles, halted }: Catalogue,
  settings: Settings,
): PublishedBundle | null => {
  const { name } = settings;
  if (halted.includes(name)) return null;
  const newest = newestOf(bundles.filter((bundle) => bundle.name === name && isUsable(state, bundle)));
  const { phase } = state;
  if (!newest || !isNewerThanActive(newest, state, settings)) return null;
  if (phase.name !== 'ready' || isNewer(newest, phase.bundle)) return newest;
  return isSame(newest, phase.bundle) && hasOtherContent(state, newest, settings) ? newest : null;
};

/**
 * The newest published bundle that is newer than the active one. `next`: the next poll of a bin that is not pinned
 * installs it. `ready`: it is installed, and waits. `other-content`: nothing is newer, but a bundle with the id of the
 * active one is published that is not the same.
 */
export interface Offer {
  readonly bundle: BundleId;
  readonly kind: 'next' | 'ready' | 'rejected' | 'halted' | 'other-content';
}

export const offerOf = (state: State, catalogue: Catalogue, settings: Settings): Offer | null => {
  const { phase } = state;
  const next = choosePublished(state, catalogue, settings);
  if (next) return { bundle: idOf(next), kind: 'next' };
  const newest = chooseInstall(catalogue, null, settings.name);
  if (!newest) return null;
  const bundle = idOf(newest);
  if (!isNewerThanActive(newest, state, settings)) {
    const isActive = isSame(newest, state.current ?? settings.factory);
    return isActive && hasOtherContent(state, newest, settings) ? { bundle, kind: 'other-content' } : null;
  }
  if (phase.name === 'ready' && isUsable(state, phase.bundle))
    return { bundle: idOf(phase.bundle), kind: 'ready' };
  return { bundle, kind: isUsable(state, bundle) ? 'halted' : 'rejected' };
};

const idOf = ({ name, version }: BundleId): BundleId => ({ name, version });

/** Another name than that of the active bundle has no order: it counts as newer. */
export const isNewerThanActive = (
  bundle: BundleId,
  { current }: State,
  { factory }: Pick<Settings, 'factory'>,
): boolean => {
  const active = current ?? factory;
  return active.name !== bundle.name || isNewer(bundle, active);
};

/** Returns the bundle that a person wants; `id` null: the newest one of this name that is not revoked. */
export const chooseInstall = (
  { bundles, revoked }: Catalogue,
  id: BundleId | null,
  name: string,
): PublishedBundle | null =>
  id
    ? (bundles.find((bundle) => isSame(bundle, id)) ?? null)
    : newestOf(bundles.filter((bundle) => bundle.name === name && !includes(revoked, bundle)));

/** Returns the bundle to go back to after a fault: the previous one, else the factory bundle, which is null. */
export const choosePrevious = (state: State): BundleId | null => {
  const { previous } = state;
  const isFit = previous && includes(state.installed, previous) && isUsable(state, previous);
  return isFit && !isSame(previous, state.current) ? previous : null;
};

/**
 * Returns the bundle to go back to after a revocation: the newest installed one that was healthy on this bin, or the
 * factory bundle, which is null, if that is newer. A slot that was never active is not chosen: its checks may be undone.
 */
export const chooseTrusted = (state: State, { name, factory }: Settings): BundleId | null => {
  const newest = newestOf(
    state.trusted.filter(
      (bundle) => bundle.name === name && includes(state.installed, bundle) && isUsable(state, bundle),
    ),
  );
  return newest && (factory.name !== name || isNewer(newest, factory)) ? newest : null;
};

/** Returns the slots beyond `maxSlots`, the oldest first, without those in use. */
export const chooseExcess = (state: State, { maxSlots }: Settings): BundleId[] => {
  const { current, previous, phase, installed } = state;
  const waiting = 'bundle' in phase ? phase.bundle : null;
  const free = installed.filter((id) => ![current, previous, waiting].some((used) => isSame(id, used)));
  const oldestFirst = [...free].sort((a, b) => compareVersions(a.version, b.version));
  return oldestFirst.slice(0, Math.max(0, installed.length - maxSlots));
};

/** Returns the bundles to try at the start of the program, in this order. null: the factory bundle. */
export const chooseStartOrder = (state: State): (BundleId | null)[] =>
  state.current === null ? [null] : [...new Set([state.current, choosePrevious(state), null])];
