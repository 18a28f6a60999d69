import { type Dirent, lstatSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder, syncPath, writeDurably } from '../kit/durable-file.js';
import { unreadable } from './database.js';
import { isDiskFull } from './disk-space.js';
import { FRAME_FILE, frameIdOf } from './frame-file.js';
import { freeName } from './set-aside.js';

/** Frames without a row in the journal, which were moved out of the folder `frames`. */
export interface FramesAside {
  readonly folder: string;
  readonly count: number;
}

export interface FrameFolderOptions {
  readonly dataDir: string;
  /** The epoch of the journal whose index has the frames. */
  readonly epoch: string;
  /** The names of the files in the index. */
  readonly indexed: ReadonlySet<string>;
  /** Whether the journal has the event of this frame. */
  readonly isOfEvent: (frameId: string) => boolean;
  readonly wallMs: number;
}

/** This file in the folder contains the epoch of the journal that owns the frames. */
const MARKER = '.journal-epoch';
/** A power cut leaves at most one complete file without a row. The event of a frame is on disk before the frame. */
const MAX_LEFTOVERS = 1;

/**
 * Creates the folder of the frames, or takes it over. Deletes what a power cut left. Moves other frames that are not in
 * the journal aside. Never touches a folder, a link, or a file whose name is not the name of a frame.
 * @returns the names of the files in the folder, and the frames that were moved
 * @throws JournalError `journal-unreadable` if `frames` is not a folder, or the error of the file system
 */
export const openFrameFolder = (
  options: FrameFolderOptions,
): { present: ReadonlySet<string>; aside: FramesAside | null } => {
  const { dataDir, epoch, indexed, isOfEvent } = options;
  const folder = join(dataDir, 'frames');
  checkKind(folder);
  makeFolder(folder, 0o700);
  const entries = readdirSync(folder, { withFileTypes: true });
  checkMarker(folder, entries);
  const present = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
  const strangers = [...present].filter((name) => FRAME_FILE.test(name) && !indexed.has(name));
  const complete = strangers.filter((name) => !name.endsWith('.tmp'));
  const isOwn = present.has(MARKER) && readFileSync(join(folder, MARKER), 'utf8').trim() === epoch;
  const isLeftover =
    isOwn && complete.length <= MAX_LEFTOVERS && complete.every((name) => isOfEvent(frameIdOf(name)));
  const aside = isLeftover || complete.length === 0 ? null : moveAside(folder, complete, options);
  for (const name of strangers) {
    if (isOwn) rmSync(join(folder, name), { force: true });
    present.delete(name);
  }
  if (!isOwn) writeMarker(folder, epoch);
  return { present, aside };
};

/** A linked folder may belong to another program, or to another bin. */
const checkKind = (folder: string): void => {
  const info = lstatSync(folder, { throwIfNoEntry: false });
  if (!info || info.isDirectory()) return;
  const kind = info.isSymbolicLink() ? 'a symbolic link' : 'not a folder';
  throw unreadable(folder, `it is ${kind}`, 'framesFolder');
};

/** A folder or a pipe with the name of the marker could not be read or replaced. */
const checkMarker = (folder: string, entries: readonly Dirent[]): void => {
  const wrong = entries.find((entry) => [MARKER, `${MARKER}.tmp`].includes(entry.name) && !entry.isFile());
  if (wrong) throw unreadable(join(folder, wrong.name), 'it is not a file', 'marker');
};

const moveAside = (
  folder: string,
  names: readonly string[],
  { dataDir, wallMs }: FrameFolderOptions,
): FramesAside => {
  const target = join(dataDir, freeName(dataDir, 'frames-aside', wallMs));
  makeFolder(target, 0o700);
  for (const name of names) renameSync(join(folder, name), join(target, name));
  syncPath(target);
  syncPath(folder);
  return { folder: target, count: names.length };
};

/** A full disk must not prevent the start. Without a marker, the next start checks the folder again. */
const writeMarker = (folder: string, epoch: string): void => {
  try {
    writeDurably(join(folder, MARKER), `${epoch}\n`);
  } catch (error) {
    if (!isDiskFull(error, folder)) throw error;
  }
};
