import { type BundleId, compareVersions, isBundleVersion } from './bundle-id.js';
import { differ, includes, isSame } from './choice.js';
import type { Catalogue, Revocation } from './repository/repository.js';
import type { InstalledBundle, PassedChecks, State } from './state.js';
import type { BundleEntry } from './status.js';
import type { Slot } from './store/store.js';

/** Returns all bundles of the store and of the catalogue, the rejected ones and the factory bundle, the newest version first. */
export const entriesOf = (
  { current, previous, trusted, rejected, revoked, checked }: State,
  factory: InstalledBundle,
  slots: readonly Slot[],
  catalogue: Catalogue | null,
): BundleEntry[] => {
  const published = catalogue?.bundles ?? [];
  const ids: BundleId[] = [];
  for (const id of [...slots, ...published, factory, ...rejected]) if (!includes(ids, id)) ids.push(id);
  const entries = ids.map(({ name, version }): BundleEntry => {
    const id = { name, version };
    const slot = slots.find((other) => isSame(other, id));
    const offered = published.find((other) => isSame(other, id));
    const isFactory = isSame(id, factory);
    return {
      ...id,
      isCurrent: isSame(current ?? factory, id),
      isPrevious: isSame(previous, id),
      isFactory,
      isInstalled: slot !== undefined || isFactory,
      isPublished: offered !== undefined,
      hasOtherContent: offered !== undefined && differ(slot ?? (isFactory ? factory : undefined), offered),
      isTrusted: isFactory || includes(trusted, id),
      bytes: slot?.bytes ?? offered?.files.reduce((sum, { bytes }) => sum + bytes, 0) ?? null,
      installedAt: slot ? new Date(slot.installedAtMs).toISOString() : null,
      rejection: rejected.find((other) => isSame(other, id)) ?? null,
      revoked: revocationOf(revoked.find((other) => isSame(other, id))),
      checked: checksOf(checked.find((other) => isSame(other, id))),
    };
  });
  return entries.sort((a, b) => a.name.localeCompare(b.name) || compareNewestFirst(a.version, b.version));
};

const revocationOf = (revocation: Revocation | undefined): BundleEntry['revoked'] =>
  revocation ? { reason: revocation.reason, at: revocation.at } : null;

const checksOf = (checks: PassedChecks | undefined): BundleEntry['checked'] =>
  checks ? { at: checks.at, runtimes: checks.runtimes } : null;

/** A version with build metadata has no order, and comes last. */
const compareNewestFirst = (a: string, b: string): number =>
  isBundleVersion(a) && isBundleVersion(b)
    ? compareVersions(b, a)
    : Number(isBundleVersion(b)) - Number(isBundleVersion(a));
