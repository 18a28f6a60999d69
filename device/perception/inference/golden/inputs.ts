import { type Answer, done, failed, messageOf } from '../../../kit/errors.js';
import type { Bundle } from '../bundle/bundle.js';
import { FileMismatch, readLimited, sha256Of } from '../bundle/files.js';
import { LIMITS } from '../bundle/manifest.js';
import { type GoldenImage, type GoldenInput, noiseImage } from './samples.js';

/**
 * - `golden-picture`: the file of a sample is missing or damaged
 * - `golden-input`: decoding and resizing a sample gives different bytes than in training, or its views show nothing
 */
export type GoldenInputFault = 'golden-picture' | 'golden-input';

/** An image as inputs of the model. */
export interface PreparedImage {
  /** The whole image. Training has recorded its sha256. */
  readonly whole: Uint8Array;
  /** The views of the bundle, which items are classified by; or why they show nothing. */
  readonly views: Answer<readonly Uint8Array[], string>;
}

/** Turns the file of an image into the model's inputs. Rejects if it cannot be decoded. */
export type Prepare = (file: Uint8Array) => Promise<PreparedImage>;

/** Returns the model's inputs for a sample. The images are in the folder of inputs.json. Noise has no views. */
export const inputOf = async (
  bundle: Bundle,
  input: GoldenInput,
  prepare: Prepare,
): Promise<Answer<PreparedImage, GoldenInputFault>> => {
  const image =
    'generator' in input
      ? done({ whole: noiseImage(input, bundle.manifest.input), views: done([]) })
      : await readImage(bundle, input, prepare);
  if (!image.ok) return image;
  const found = sha256Of(image.value.whole);
  if (found === input.inputSha256) return image;
  return failed(
    'golden-input',
    `golden sample ${input.id}: the model's input has sha256 ${found}, but in training it was ${input.inputSha256}. ` +
      'Decoding or resizing differs on this machine.',
  );
};

const readImage = async (
  bundle: Bundle,
  input: GoldenImage,
  prepare: Prepare,
): Promise<Answer<PreparedImage, GoldenInputFault>> => {
  const folder = bundle.manifest.golden.file.split('/').slice(0, -1);
  const path = [...folder, input.file].join('/');
  const about = `golden sample ${input.id}: ${path}`;
  const file = await readLimited(bundle.folder, path, LIMITS.goldenBytes).catch((thrown: unknown) => thrown);
  if (!(file instanceof Buffer)) {
    const reason = file instanceof FileMismatch ? file.message : `cannot be read (${messageOf(file)})`;
    return failed('golden-picture', `${about}: ${reason}. Install the bundle again.`);
  }
  if (sha256Of(file) !== input.fileSha256)
    return failed(
      'golden-picture',
      `${about}: the sha256 differs from inputs.json. Install the bundle again.`,
    );
  try {
    return done(await prepare(file));
  } catch (thrown) {
    return failed('golden-input', `${about}: cannot be decoded or resized (${messageOf(thrown)})`);
  }
};
