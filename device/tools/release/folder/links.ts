import { lstatSync, realpathSync } from 'node:fs';
import { dirname, sep } from 'node:path';

/**
 * Whether a symbolic link below `folder` leads out of it, or to nothing. `folder` itself may be a link. The end of `path`
 * may not exist yet.
 */
export const leadsOut = (folder: string, path: string): boolean => {
  for (let present = path; present.length > folder.length; present = dirname(present)) {
    if (!lstatSync(present, { throwIfNoEntry: false })) continue;
    try {
      return !realpathSync(present).startsWith(realpathSync(folder) + sep);
    } catch {
      return true;
    }
  }
  return false;
};
