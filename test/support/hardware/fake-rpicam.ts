import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSceneJpegs, SCENES, type Scene, VARIANTS } from './scenes.js';

/** What the fake rpicam-vid does. It reads this at each frame. */
export interface RpicamScript {
  readonly scene: Scene;
  /** Path of a file with the bytes of each image, instead of those of the scene. Empty: none. */
  readonly file: string;
  /** Hangs before it opens the camera. */
  readonly hangs: boolean;
  /** Text on standard error at the start. */
  readonly stderr: string;
  /** Fails at the start with this error. */
  readonly error: string;
  readonly ignoresSigint: boolean;
  /** `silent`: no frames. `timeouts`: no frames, and a message about each attempt to restart the camera. */
  readonly stall: 'no' | 'silent' | 'timeouts';
  /** Time between an image and its record. */
  readonly recordDelayMs: number;
  /** Every n-th record is missing. 0: none, 1: each. */
  readonly recordMissingEvery: number;
  /** Every n-th image is cut short. 0: none. */
  readonly damagedEvery: number;
  /** Writes bytes that are not an image after each record. */
  readonly garbage: boolean;
  /** Size of a write of image data. 0: a whole image. */
  readonly writeBytes: number;
  /** Number of frames after the start that were exposed a minute ago. */
  readonly oldFrames: number;
  /** Is added to the time of each frame. */
  readonly timeOffsetMs: number;
  /** All frames have the time of the first one. */
  readonly repeatsTime: boolean;
}

export interface RpicamStart {
  readonly pid: number;
  readonly args: readonly string[];
}

const NORMAL: RpicamScript = {
  ...{ scene: 'normal', file: '', hangs: false, stderr: '', error: '', ignoresSigint: false, stall: 'no' },
  ...{
    recordDelayMs: 0,
    recordMissingEvery: 0,
    damagedEvery: 0,
    garbage: false,
    writeBytes: 0,
    oldFrames: 0,
    timeOffsetMs: 0,
    repeatsTime: false,
  },
};
const PLAYER = new URL('./fake-rpicam-vid.js', import.meta.url);
const sceneJpeg = await makeSceneJpegs();

/** A folder with a fake rpicam-vid, which a test controls while it runs. */
export class FakeRpicam {
  readonly folder = mkdtempSync(join(tmpdir(), 'fake-rpicam-'));
  /** Path of the program. */
  readonly program = join(this.folder, 'rpicam-vid');
  #script = NORMAL;

  constructor(changes: Partial<RpicamScript> = {}) {
    for (const scene of SCENES)
      for (let variant = 0; variant < VARIANTS; variant++)
        writeFileSync(join(this.folder, `${scene}-${variant}.jpg`), sceneJpeg(scene, variant));
    this.change(changes);
    const source = `#!${process.execPath}\nimport('${PLAYER}').then(({ playRpicam }) => playRpicam(__dirname, process.argv.slice(2)));\n`;
    writeFileSync(this.program, source, { mode: 0o755 });
  }

  /** Changes what the program does from its next frame on. */
  change(changes: Partial<RpicamScript>): void {
    this.#script = { ...this.#script, ...changes };
    const file = join(this.folder, 'script.json');
    writeFileSync(`${file}.new`, JSON.stringify(this.#script));
    renameSync(`${file}.new`, file);
  }

  /** The arguments of each start. */
  get starts(): readonly (readonly string[])[] {
    return this.#log.map(({ args }) => args);
  }

  /** The process of each start. */
  get pids(): readonly number[] {
    return this.#log.map(({ pid }) => pid);
  }

  get #log(): readonly RpicamStart[] {
    const lines = readFileSync(join(this.folder, 'starts.txt'), 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
