import type { Clock } from '../kit/clock.js';
import { DeadlineExceeded, withDeadline } from '../kit/deadline.js';
import { type Answer, done, failed, messageOf, SortbinError } from '../kit/errors.js';
import { LABELS_FILE, MANIFEST_FILE } from './bundle-id.js';
import type { GateReport } from './gates/gates.js';
import type { PublishedBundle, Repository, TargetFile } from './repository/repository.js';
import type { Effect, InstalledBundle } from './state.js';
import type { Gates, Progress } from './status.js';
import type { BundleStore, Slot } from './store/store.js';

/** The model that serves: `ModelSlot` is one. */
export interface ModelSwap {
  /** Exchanges the model between two items. @throws SortbinError if the present one stays */
  swap(folder: string, signal: AbortSignal): Promise<unknown>;
}

export interface JobParts {
  readonly repository: Repository;
  /** Opens a repository in a folder of this machine, such as a USB stick. The same root of trust applies. */
  readonly openFolder: (folder: string) => Repository;
  readonly store: BundleStore;
  readonly gates: Gates;
  readonly slot: ModelSwap;
  readonly clock: Clock;
}

export interface JobLimits {
  /** Maximum time of all gates of a bundle. */
  readonly checkMs: number;
  /** Maximum time of an exchange of the model. */
  readonly swapMs: number;
}

export type JobEffect = Extract<Effect, { readonly op: number }>;

/** Performs one job of the machine. Returns the report of a check. @throws the reason of `signal` */
export const performJob = async (
  effect: JobEffect,
  parts: JobParts,
  limits: JobLimits,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Answer<GateReport | undefined>> => {
  const { store, gates, slot, clock } = parts;
  switch (effect.type) {
    case 'download':
      return givingRoomBack(store, await download(effect.bundle, effect.source, parts, signal, onProgress));
    case 'build':
      return givingRoomBack(store, await store.build(effect.bundle, effect.bundle.files));
    case 'check':
      return within(clock, limits.checkMs, 'check-timeout', signal, async (inner) => {
        // A damaged disk says nothing about the bundle.
        const whole = await store.verify(effect.bundle);
        if (!whole.ok) return failed('bundle-damaged', whole.fault.message);
        return gates.check(store.folderOf(effect.bundle), inner);
      });
    case 'swap':
      return within(clock, limits.swapMs, 'update-swap-timeout', signal, async (inner) => {
        await slot.swap(store.folderOf(effect.bundle), inner);
        return done(undefined);
      });
  }
};

/** A job without a report. The journal needs the room of a full disk more than an update that cannot go on. */
const givingRoomBack = async (store: BundleStore, answer: Answer<void>): Promise<Answer<undefined>> => {
  if (!answer.ok && answer.fault.code === 'update-no-space') await store.removeUnused();
  return answer.ok ? done(undefined) : answer;
};

/** Small files that describe the bundle come first, so that a wrong one is noticed early. */
const FIRST = [MANIFEST_FILE, LABELS_FILE];

const inOrder = (files: readonly TargetFile[]): TargetFile[] => [
  ...files.filter(({ file }) => FIRST.includes(file)),
  ...files.filter(({ file }) => !FIRST.includes(file)),
];

/** Downloads what is not stored yet. After a failure, the part file stays, and the next attempt continues it. */
const download = async (
  { files }: PublishedBundle,
  source: string | null,
  { repository, openFolder, store }: JobParts,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Answer<void>> => {
  const missing = await store.missing(files);
  if (!missing.ok) return missing;
  const room = await store.makeRoom(files, missing.value);
  if (!room.ok) return room;
  const from = source === null ? repository : openFolder(source);
  const totalBytes = missing.value.reduce((sum, { bytes }) => sum + bytes, 0);
  let earlierBytes = 0;
  onProgress({ bytes: 0, totalBytes });
  for (const target of inOrder(missing.value)) {
    signal.throwIfAborted();
    const into = store.partPath(target.sha256);
    const report = (bytes: number) => onProgress({ bytes: earlierBytes + bytes, totalBytes });
    const downloaded = await from.download(target, into, signal, report);
    if (!downloaded.ok) return downloaded;
    const added = await store.addPart(target);
    if (!added.ok) return added;
    earlierBytes += target.bytes;
    onProgress({ bytes: earlierBytes, totalBytes });
  }
  return done(undefined);
};

const within = async <T>(
  clock: Clock,
  limitMs: number,
  code: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Answer<T>>,
): Promise<Answer<T>> => {
  try {
    return await withDeadline(clock, limitMs, work, signal);
  } catch (thrown) {
    signal.throwIfAborted();
    if (thrown instanceof DeadlineExceeded) return failed(code, `not finished within ${limitMs} ms`);
    return failed(thrown instanceof SortbinError ? thrown.code : 'update-failed', messageOf(thrown));
  }
};

/** Returns the bundles in the slots, or undefined if they cannot be read. */
export const installedIn = async (store: BundleStore): Promise<readonly InstalledBundle[] | undefined> => {
  const slots = await store.slots();
  return slots.ok ? slots.value.map(installedOf) : undefined;
};

export const installedOf = ({ name, version, manifestSha256 }: Slot): InstalledBundle => ({
  name,
  version,
  manifestSha256,
});
