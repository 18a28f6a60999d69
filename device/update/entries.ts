import { type BundleId, compareVersions, isBundleVersion } from './bundle-id.js';
import { includes, isSame } from './choice.js';
import type { Catalogue } from './repository/repository.js';
import type { State } from './state.js';
import type { BundleEntry } from './status.js';
import type { Slot } from './store/store.js';

/** Returns all bundles of the store, of the catalogue and the factory bundle, the newest version first. */
export const entriesOf = (
  { current, previous, trusted, rejected, revoked }: State,
  factory: BundleId,
  slots: readonly Slot[],
  catalogue: Catalogue | null,
): BundleEntry[] => {
  const published = catalogue?.bundles ?? [];
  const ids: BundleId[] = [];
  for (const id of [...slots, ...published, factory]) if (!includes(ids, id)) ids.push(id);
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
      isTrusted: isFactory || includes(trusted, id),
      bytes: slot?.bytes ?? offered?.files.reduce((sum, { bytes }) => sum + bytes, 0) ?? null,
      rejection: rejected.find((other) => isSame(other, id)) ?? null,
      revoked: revoked.find((other) => isSame(other, id))?.reason ?? null,
    };
  });
  return entries.sort((a, b) => a.name.localeCompare(b.name) || compareNewestFirst(a.version, b.version));
};

/** A version with build metadata has no order, and comes last. */
const compareNewestFirst = (a: string, b: string): number =>
  isBundleVersion(a) && isBundleVersion(b)
    ? compareVersions(b, a)
    : Number(isBundleVersion(b)) - Number(isBundleVersion(a));
