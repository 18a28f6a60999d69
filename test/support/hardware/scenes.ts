import sharp from 'sharp';

/** What a camera sees. `still` is one image without sensor noise, all others have noise. `white` is blown out. */
export const SCENES = ['normal', 'still', 'red', 'blue', 'black', 'white'] as const;
export type Scene = (typeof SCENES)[number];

const WIDTH = 64;
const HEIGHT = 48;
/** Number of different images of a scene with noise. */
export const VARIANTS = 8;

const COLOURS: Readonly<Record<Scene, readonly [number, number, number]>> = {
  normal: [120, 130, 90],
  still: [120, 130, 90],
  red: [200, 30, 30],
  blue: [30, 30, 200],
  black: [2, 2, 2],
  white: [253, 253, 253],
};

/** Levels that a square is brighter, so that no scene but `red` and `blue` has only one colour. */
const CONTRASTS: Readonly<Record<Scene, number>> = {
  ...{ normal: 90, still: 90, red: 0, blue: 0, black: 24, white: -8 },
};

/** Returns the pixels of a frame, RGB. Frames with other numbers have other noise. */
export const scenePixels = (scene: Scene, frame: number): { data: Buffer; width: number; height: number } => {
  const data = Buffer.alloc(3 * WIDTH * HEIGHT);
  let state = scene === 'still' ? 1 : frame + 1;
  for (let at = 0; at < data.length; at++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    const noise = (state >> 16) % 5;
    const pixel = Math.floor(at / 3);
    const isSquare =
      (pixel % WIDTH) - 20 < 20 && pixel % WIDTH >= 20 && pixel / WIDTH > 10 && pixel / WIDTH < 30;
    const contrast = isSquare ? CONTRASTS[scene] : 0;
    data[at] = Math.min(255, Math.max(0, (COLOURS[scene][at % 3] ?? 0) + noise - 2 + contrast));
  }
  return { data, width: WIDTH, height: HEIGHT };
};

/**
 * Returns a function that makes JPEG files of scenes, with the standard Huffman tables. They are encoded in advance,
 * because that takes real time.
 */
export const makeSceneJpegs = async (): Promise<(scene: Scene, frame: number) => Buffer> => {
  const files = new Map<string, Buffer>();
  for (const scene of SCENES) {
    for (let variant = 0; variant < VARIANTS; variant++) {
      const { data, width, height } = scenePixels(scene, variant);
      const image = sharp(data, { raw: { width, height, channels: 3 } });
      files.set(`${scene} ${variant}`, await image.jpeg({ quality: 90, optimiseCoding: false }).toBuffer());
    }
  }
  return (scene, frame) => files.get(`${scene} ${frame % VARIANTS}`) ?? Buffer.alloc(0);
};
