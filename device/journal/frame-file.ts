import { JournalError } from './journal.js';

/** Excludes characters that could leave the folder, hide the file or end its name early. */
const FRAME_ID = /^[0-9a-zA-Z-]{1,64}$/;

/** Matches the names of frame files, complete or partly written. A bin names its frames by UUIDs. */
export const FRAME_FILE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(jpg|png|webp|raw|bin)(\.tmp)?$/;

/** @throws JournalError `journal-failed` if the id is not allowed in a file name */
export const checkFrameId = (frameId: string): void => {
  if (FRAME_ID.test(frameId)) return;
  throw new JournalError(
    'journal-failed',
    `frame id ${JSON.stringify(frameId)}: not allowed. Use 1 to 64 letters, digits and hyphens.`,
  );
};

/** Returns the file name of a frame: its id, and `raw` or an extension that matches its first bytes. */
export const frameFile = (frameId: string, bytes: Uint8Array, isRaw: boolean): string => {
  checkFrameId(frameId);
  return `${frameId}.${isRaw ? 'raw' : extensionOf(Buffer.from(bytes.subarray(0, 12)).toString('latin1'))}`;
};

/** Returns the id of the frame in a file with this name. */
export const frameIdOf = (file: string): string => file.slice(0, file.indexOf('.'));

const extensionOf = (head: string): string => {
  if (head.startsWith('\xff\xd8\xff')) return 'jpg';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return 'webp';
  return 'bin';
};
