import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeRpicam } from '../hardware/fake-rpicam.js';
import { FakeSortbinCamera } from '../hardware/fake-sortbin-camera.js';
import { type HostileFrame, hostileFiles, hostileRaws, normalFile, normalRaw, RAW } from './frames.js';

/** A camera whose frames a test chooses. */
export interface HostileCamera {
  /** The configuration of the camera. */
  readonly config: string;
  /** Returns a normal image. */
  normal(): Promise<HostileFrame>;
  frames(seed: number, count: number): AsyncIterable<HostileFrame>;
  /** Sends these bytes as each frame from now on. */
  play(bytes: Buffer): void;
  /** Sends dark images from now on: the camera driver has skipped the bytes, because they are no image. */
  playDark(): void;
  /** Number of starts of the camera program. */
  starts(): number;
  remove(): Promise<void>;
}

/** An item has the right frame whatever its image is. A busy machine may start and deliver slowly. */
const SETTINGS = 'framesPerSecond: 60, dropFrames: 1, startMs: 30000, freezeMs: 10000, identicalFrames: 0';

const makeRpicam = async (): Promise<HostileCamera> => {
  const fake = new FakeRpicam();
  const folder = mkdtempSync(join(tmpdir(), 'hostile-'));
  let count = 0;
  return {
    config: `{ driver: rpicam, program: ${fake.program}, ${SETTINGS} }`,
    normal: normalFile,
    frames: hostileFiles,
    play: (bytes) => {
      count += 1;
      const file = join(folder, `${count}`);
      writeFileSync(file, bytes);
      fake.change({ file });
    },
    playDark: () => fake.change({ file: '', scene: 'black' }),
    starts: () => fake.pids.length,
    remove: async () => {
      fake.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const makeV4l2 = (format: 'MJPG' | 'YUYV') => async (): Promise<HostileCamera> => {
  const fake = await new FakeSortbinCamera().start();
  fake.format = format;
  const { width, height, strideBytes } = RAW;
  fake.size = { width, height };
  fake.strideBytes = strideBytes;
  return {
    config: `{ driver: v4l2, program: ${fake.program}, device: ${fake.device}, ${SETTINGS} }`,
    normal: format === 'MJPG' ? normalFile : normalRaw,
    frames: format === 'MJPG' ? hostileFiles : hostileRaws,
    play: (bytes) => {
      fake.bytes = bytes;
    },
    playDark: () => {
      fake.bytes = null;
      fake.scene = 'black';
    },
    starts: () => fake.starts.length,
    remove: () => fake.stop(),
  };
};

export const HOSTILE_CAMERAS = {
  rpicam: makeRpicam,
  'v4l2, MJPEG': makeV4l2('MJPG'),
  'v4l2, YUYV': makeV4l2('YUYV'),
} as const;
