import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Writes a shell script as a program in a new folder, which is removed after the test. Returns its path. */
export const fakeProgram = async (
  test: Pick<TestContext, 'after'>,
  name: string,
  script: string,
): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'fake-program-'));
  test.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
};

/** Returns a script that prints a text. */
export const printing = (text: string): string => `cat <<'END'\n${text}\nEND`;
