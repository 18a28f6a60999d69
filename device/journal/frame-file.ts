import { JournalError } from './journal.js';

/** Nothing in it can leave the folder, hide a file or end a name early. */
const FRAME_ID = /^[0-9a-zA-Z-]{1,64}$/;

/** Every name that a frame's file, finished or half written, can have; nothing else in the folder is ours. */
export const FRAME_FILE = /^[0-9a-zA-Z-]{1,64}\.(jpg|png|webp|bin)(\.tmp)?$/;

/** @throws JournalError `journal-failed` for an id that must not become a file's name */
export const checkFrameId = (frameId: string): void => {
  if (FRAME_ID.test(frameId)) return;
  throw new JournalError(
    'journal-failed',
    `frame id ${JSON.stringify(frameId)} is not allowed: 1 to 64 letters, digits and hyphens`,
  );
};

/** The file's name for a frame: its id, and what its first bytes say that it is. */
export const frameFile = (frameId: string, bytes: Uint8Array): string => {
  checkFrameId(frameId);
  return `${frameId}.${extensionOf(Buffer.from(bytes.subarray(0, 12)).toString('latin1'))}`;
};

const extensionOf = (head: string): string => {
  if (head.startsWith('\xff\xd8\xff')) return 'jpg';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return 'webp';
  return 'bin';
};
