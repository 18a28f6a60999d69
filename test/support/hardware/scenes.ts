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

/** Returns an image in YUYV, BT.601 limited range. The padding of a row has other bytes. */
export const encodeYuyv = (
  { data, width, height }: { readonly data: Buffer; readonly width: number; readonly height: number },
  strideBytes: number,
): Buffer => {
  const bytes = Buffer.alloc(strideBytes * height, 0xaa);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 3 * (y * width + x);
      const [r = 0, g = 0, b = 0] = data.subarray(at, at + 3);
      const luma = 16 + 0.257 * r + 0.504 * g + 0.098 * b;
      const chroma =
        x % 2 === 0 ? 128 - 0.148 * r - 0.291 * g + 0.439 * b : 128 + 0.439 * r - 0.368 * g - 0.071 * b;
      bytes.set([luma, chroma].map(Math.round), y * strideBytes + 2 * x);
    }
  }
  return bytes;
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
