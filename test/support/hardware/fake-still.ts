import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fakeProgram } from './fake-program.js';
import { makeSceneJpegs, type Scene } from './scenes.js';

const VARIANTS = 8;

/** A fake rpicam-still. It counts its stills, and copies one of eight images of the scene to the output. */
const script = (folder: string) => `
cd '${folder}' || exit 1
echo "$@" >> arguments
output="$OLDPWD/still.jpg"
read -r mode < mode
case "$mode" in
  hang) echo $$ > pid; exec sleep 600 ;;
  "error "*) echo "ERROR: *** \${mode#error } ***" >&2; exit 255 ;;
  garbage) echo garbage > "$output"; exit 0 ;;
  nothing) exit 0 ;;
esac
read -r count < count
echo $(( (count + 1) % ${VARIANTS} )) > count
cp "$mode-$count.jpg" "$output"
`;

/** A fake rpicam-still with files that select what it does. */
export class FakeStill {
  private constructor(
    private readonly folder: string,
    /** Path of the program. */
    readonly program: string,
  ) {}

  static async make(test: Pick<TestContext, 'after'>): Promise<FakeStill> {
    const folder = await mkdtemp(join(tmpdir(), 'fake-still-'));
    test.after(() => rm(folder, { recursive: true, force: true }));
    const fake = new FakeStill(folder, await fakeProgram(test, 'rpicam-still', script(folder)));
    await writeFile(join(folder, 'count'), '0\n');
    const sceneJpeg = await makeSceneJpegs();
    const scenes: Scene[] = ['normal', 'still', 'red', 'blue', 'black', 'white'];
    for (const scene of scenes)
      for (let variant = 0; variant < VARIANTS; variant++)
        await writeFile(join(folder, `${scene}-${variant}.jpg`), sceneJpeg(scene, variant));
    await fake.set('normal');
    return fake;
  }

  /** `error TEXT`: it fails as rpicam-still does. */
  set(mode: Scene | 'hang' | 'garbage' | 'nothing' | `error ${string}`): Promise<void> {
    return writeFile(join(this.folder, 'mode'), `${mode}\n`);
  }

  /** Returns the arguments of the last call. */
  async arguments(): Promise<string> {
    return (await this.#calls()).at(-1) ?? '';
  }

  /** Returns the number of calls. */
  async starts(): Promise<number> {
    return (await this.#calls()).length;
  }

  async #calls(): Promise<readonly string[]> {
    return (await readFile(join(this.folder, 'arguments'), 'utf8')).trim().split('\n');
  }

  /** Returns the process that hangs, or null. */
  async pid(): Promise<number | null> {
    const text = await readFile(join(this.folder, 'pid'), 'utf8').catch(() => '');
    return Number(text) || null;
  }
}

/** What the package node-libcamera 1.0.6 does for a still. */
const STAND_IN = `
import { exec } from 'node:child_process';
const still = (options) => new Promise((resolve, reject) => {
  const words = Object.entries(options).flatMap(([key, value]) => ['--' + key, ...(value === true ? [] : [value])]);
  exec(['libcamera-still', ...words].join(' '), (error, stdout) => (error ? reject(error) : resolve(stdout)));
});
export default { still };
`;

/** Returns the path of the package node-libcamera. If this optional dependency is not installed, of a stand-in. */
export const nodeLibcamera = async (test: Pick<TestContext, 'after'>): Promise<string> => {
  try {
    return createRequire(import.meta.url).resolve('node-libcamera');
  } catch {
    const folder = await mkdtemp(join(tmpdir(), 'stand-in-'));
    test.after(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'node-libcamera.mjs');
    await writeFile(path, STAND_IN);
    return path;
  }
};
