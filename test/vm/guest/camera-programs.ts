import assert from 'node:assert/strict';
import { afterEach, beforeEach } from 'node:test';
import { SortbinCameraProcess } from '../../support/hardware/sortbin-camera.js';
import { Vivid } from './vivid.js';

export interface Frame {
  readonly ns: bigint;
  readonly sequence: number;
  readonly bytes: Buffer;
}

/** Reads the words `key=value` of the line `ready`. Only the last one, the card, may contain spaces. */
export const ready = async (camera: SortbinCameraProcess): Promise<Record<string, string>> => {
  const { line } = await camera.next('ready ');
  const [words = '', card = ''] = line.slice('ready '.length).split(' card=');
  return { ...Object.fromEntries(words.split(' ').map((word) => word.split('='))), card };
};

const frameOf = ({ line, bytes }: { line: string; bytes: Buffer | null }): Frame => {
  const [, ns = '', sequence] = /^frame (\d+) (\d+) \d+$/.exec(line) ?? assert.fail(line);
  return { ns: BigInt(ns), sequence: Number(sequence), bytes: bytes ?? Buffer.alloc(0) };
};

/** Returns the first frame whose time is later. */
export const frameAfter = async (camera: SortbinCameraProcess, ns: bigint): Promise<Frame> =>
  frameOf(await camera.send(`after ${ns}`));

export const latestFrame = async (camera: SortbinCameraProcess): Promise<Frame> =>
  frameOf(await camera.send('latest'));

/** Returns `count` frames, each the first one after the one before. */
export const frames = async (camera: SortbinCameraProcess, count: number): Promise<Frame[]> => {
  const found: Frame[] = [];
  while (found.length < count)
    found.push(await frameAfter(camera, found.at(-1)?.ns ?? process.hrtime.bigint()));
  return found;
};

/** Waits until the program ends with a fault. Returns the fault. */
export const faultOf = async (camera: SortbinCameraProcess): Promise<{ code: string; text: string }> => {
  const { line } = await camera.next('fault ');
  assert.equal(await camera.exited(), 1);
  const [, code = '', text = ''] = /^fault (\S+) (.+)$/.exec(line) ?? assert.fail(line);
  return { code, text };
};

/** All sortbin-camera processes of a test. */
export class CameraPrograms {
  readonly #all: SortbinCameraProcess[] = [];

  start(...words: string[]): SortbinCameraProcess {
    const camera = new SortbinCameraProcess(words);
    this.#all.push(camera);
    return camera;
  }

  /** Kills them, so that none uses a device any more. */
  async end(): Promise<void> {
    for (const camera of this.#all) camera.child.kill('SIGKILL');
    await Promise.all(this.#all.map((camera) => camera.exited()));
    this.#all.length = 0;
  }
}

/** The size and the rate of a small picture, because each one takes long in emulation. */
export const PICTURE = ['320x180', '15'] as const;

/** Gives each test of a suite a new camera. After the test, ends its programs, and removes the camera. */
export const useVivid = (vivid = new Vivid()) => {
  const programs = new CameraPrograms();
  beforeEach(() => vivid.create());
  afterEach(async () => {
    await programs.end();
    vivid.remove();
  });
  const start = (options: readonly string[], ...controls: string[]) =>
    programs.start(...options, vivid.device, ...PICTURE, ...controls);
  return { vivid, programs, start };
};
