import { messageOf, SortbinError } from '../../kit/errors.js';
import { plain } from '../../kit/plain-text.js';
import type { RepositoryFault } from './repository.js';

/** A failure on the way to an answer. Only this folder throws and catches it. */
export class RepositoryError extends SortbinError<RepositoryFault> {
  override readonly name = 'RepositoryError';

  constructor(code: RepositoryFault, message: string, options?: { cause?: unknown }) {
    super(code, plain(message), options);
  }
}

/** Returns the error of an operation on the local file or folder `path`. */
export const localError = (path: string, thrown: unknown): RepositoryError => {
  if (thrown instanceof RepositoryError) return thrown;
  const message = messageOf(thrown);
  return /\b(ENOSPC|EDQUOT)\b/.test(message)
    ? new RepositoryError('update-no-space', `${path}: no space left. Free some space.`, { cause: thrown })
    : new RepositoryError('update-failed', `${path}: ${message}`, { cause: thrown });
};

/** Returns a URL without user, password and query, which may hold a secret. */
export const publicUrl = ({ protocol, host, pathname }: URL): string => `${protocol}//${host}${pathname}`;
