import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { messageOf, SortbinError } from '../../kit/errors.js';
import { groupLeftOut, type LeftOutFile, type LeftOutReason } from './left-out.js';

const IMAGE_EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.webp']);

export interface ImageFiles {
  /** Paths relative to the folder, sorted. */
  readonly images: readonly string[];
  readonly leftOut: readonly LeftOutFile[];
}

/**
 * Finds the images below a folder, and the files that are left out.
 * @throws SortbinError `pictures-missing` if the folder is unreadable or contains no image
 */
export const findImages = async (folder: string): Promise<ImageFiles> => {
  const images: string[] = [];
  const leftOut: LeftOutFile[] = [];
  const visit = async (under: string, entries: readonly Dirent<Buffer>[]): Promise<void> => {
    for (const entry of entries) {
      const name = entry.name.toString('utf8');
      const file = join(under, name);
      const leaveOut = (reason: LeftOutReason) => leftOut.push({ file, reason });
      if (!Buffer.from(name).equals(entry.name)) leaveOut('name');
      else if (entry.isSymbolicLink()) leaveOut('link');
      else if (entry.isDirectory())
        await list(join(folder, file)).then(
          (inner) => visit(file, inner),
          () => leaveOut('unreadable'),
        );
      else if (entry.isFile() && IMAGE_EXTENSIONS.has(extname(name).toLowerCase())) images.push(file);
      else leaveOut('format');
    }
  };
  const entries = await list(folder).catch((cause) => {
    throw missing(folder, `cannot be listed (${messageOf(cause)})`, cause);
  });
  await visit('', entries);
  if (images.length === 0) {
    const texts = groupLeftOut(leftOut).map(({ text }) => text);
    const others = texts.length === 0 ? '' : `. Left out: ${texts.join('; ')}`;
    throw missing(folder, `contains no ${[...IMAGE_EXTENSIONS].join(', ')} file${others}`);
  }
  return { images: images.sort(), leftOut: leftOut.sort((a, b) => (a.file < b.file ? -1 : 1)) };
};

/** Returns the paths of the images below a folder. @throws SortbinError like `findImages` */
export const listImages = async (folder: string): Promise<readonly string[]> =>
  (await findImages(folder)).images;

const list = (folder: string): Promise<Dirent<Buffer>[]> =>
  readdir(folder, { withFileTypes: true, encoding: 'buffer' });

const missing = (folder: string, problem: string, cause?: unknown): SortbinError =>
  new SortbinError('pictures-missing', `${folder}: ${problem}. Give a folder with images.`, { cause });

/** Returns the same images, one of each sub-folder in turn, so that a demonstration shows every label early. */
export const interleaveByLabel = (images: readonly string[]): string[] => {
  const byLabel = new Map<string, string[]>();
  for (const image of images) {
    const label = image.split(sep)[0] ?? '';
    byLabel.set(label, [...(byLabel.get(label) ?? []), image]);
  }
  const interleaved: string[] = [];
  for (let round = 0; interleaved.length < images.length; round++)
    for (const group of byLabel.values()) interleaved.push(...group.slice(round, round + 1));
  return interleaved;
};
