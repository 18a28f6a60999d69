import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import type { Clock } from '../../kit/clock.js';
import { sleep, untilAborted } from '../../kit/deadline.js';
import { type Answer, done, failed, messageOf, SortbinError } from '../../kit/errors.js';
import type { NewId } from '../../kit/ids.js';
import type { Camera, CameraFault, Frame } from './camera.js';

/** What one capture gives. A picture is a path under the folder. */
export type CameraStep =
  | { readonly picture: string }
  | { readonly fault: CameraFault }
  | { readonly stale: true }
  | { readonly garbage: true }
  | { readonly hang: true };

export interface SimulatedCameraOptions {
  readonly folder: string;
  /** One step a capture, from the start again at its end. */
  readonly script: readonly CameraStep[];
  readonly delayMs: number;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Reads a picture; from the disk where nothing is given. */
  readonly read?: (path: string) => Promise<Uint8Array>;
}

const PICTURES = new Set(['.jpg', '.jpeg', '.png', '.webp']);
const STALE_BY_MS = 1_000;

/** A camera that holds pictures of a folder before its lens, as its script says. */
export class SimulatedCamera implements Camera {
  #captures = 0;

  constructor(private readonly options: SimulatedCameraOptions) {}

  async frameAfter(atMs: number, signal: AbortSignal): Promise<Answer<Frame, CameraFault>> {
    signal.throwIfAborted();
    const { script, delayMs, clock, folder, read = readFile } = this.options;
    const step = script[this.#captures++ % Math.max(1, script.length)];
    if (!step) return failed('camera-no-frame', `the simulated camera has no picture: ${folder} holds none`);
    if ('hang' in step) await untilAborted(signal);
    await sleep(clock, delayMs, signal);
    if ('fault' in step) return failed(step.fault, `the simulated camera was told to answer ${step.fault}`);
    if ('garbage' in step) return done(this.#frame(new Uint8Array(512).fill(0x5a), 'garbage'));
    const name = 'picture' in step ? step.picture : firstPicture(script);
    try {
      const frame = this.#frame(await read(join(folder, name)), name);
      return done('stale' in step ? { ...frame, capturedAtMs: atMs - STALE_BY_MS } : frame);
    } catch (error) {
      return failed('camera-failed', `${join(folder, name)}: ${messageOf(error)}`);
    }
  }

  async close(): Promise<void> {}

  #frame(bytes: Uint8Array, name: string): Frame {
    const { clock, newId } = this.options;
    return { id: newId(), bytes, capturedAtMs: clock.monotonicMs(), capturedAtWallMs: clock.wallMs(), name };
  }
}

const firstPicture = (script: readonly CameraStep[]): string =>
  script.find((step) => 'picture' in step)?.picture ?? '';

/**
 * The pictures under a folder, as paths under it, in order of name.
 * @throws SortbinError `pictures-missing` where there are none
 */
export const listImages = async (folder: string): Promise<string[]> => {
  const missing = (why: string, cause?: unknown) =>
    new SortbinError('pictures-missing', `${folder}: ${why}; name a folder with pictures`, { cause });
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause) => {
    throw missing(`cannot be listed (${messageOf(cause)})`, cause);
  });
  const pictures = entries
    .filter((entry) => entry.isFile() && PICTURES.has(extname(entry.name).toLowerCase()))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
  if (pictures.length === 0) throw missing(`holds no ${[...PICTURES].join(', ')} file`);
  return pictures;
};

/** The same pictures, dealt out by sub-folder in turn, so that a demonstration shows every label early. */
export const interleaveByLabel = (pictures: readonly string[]): string[] => {
  const decks = new Map<string, string[]>();
  for (const picture of pictures) {
    const label = picture.split(sep)[0] ?? '';
    decks.set(label, [...(decks.get(label) ?? []), picture]);
  }
  const dealt: string[] = [];
  for (let round = 0; dealt.length < pictures.length; round++)
    for (const deck of decks.values()) dealt.push(...deck.slice(round, round + 1));
  return dealt;
};
