import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes the commands that take the outputs, for `sortbin-io --safe`: whole, or as it was before. */
export const writeOutputs = async (path: string, requests: readonly string[]): Promise<void> => {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const file = await open(`${path}.tmp`, 'w', 0o644);
  try {
    await file.writeFile(requests.map((words, index) => `${index + 1} ${words}\n`).join(''));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
  const holder = await open(folder, 'r');
  try {
    await holder.sync();
  } finally {
    await holder.close();
  }
};
