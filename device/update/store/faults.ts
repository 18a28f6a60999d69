import { type Answer, done, failed, messageOf, SortbinError } from '../../kit/errors.js';

/**
 * - `update-no-space`: the disk has too little room, also without the old slots
 * - `update-failed`: the folder cannot be read or written
 * - `update-file-invalid`: a file differs from its sha256 or length
 */
export type StoreFault = 'update-no-space' | 'update-failed' | 'update-file-invalid';

/** The error inside the store. Its public methods return it as a fault. */
export class StoreError extends SortbinError<StoreFault> {
  override readonly name = 'StoreError';
}

/** Returns the `code` of an error of the system, such as `ENOENT`. */
export const systemCode = (thrown: unknown): unknown =>
  thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;

/** Runs `work`, and returns what it throws as a fault. `what`: the thing in the message. */
export const attempt = async <T>(what: string, work: () => Promise<T>): Promise<Answer<T, StoreFault>> => {
  try {
    return done(await work());
  } catch (thrown) {
    if (thrown instanceof StoreError) return failed(thrown.code, thrown.message);
    const code = systemCode(thrown);
    if (code === 'ENOSPC' || code === 'EDQUOT')
      return failed('update-no-space', `${what}: the disk is full. Free some space.`);
    return failed('update-failed', `${what}: ${messageOf(thrown)}. Check the disk and the permissions.`);
  }
};
