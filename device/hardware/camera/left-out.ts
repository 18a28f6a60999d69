/**
 * Why a file below a folder of images is not used. `link`: a symbolic link. `name`: the name is not valid UTF-8.
 * `unreadable`: a folder that cannot be listed. `format`: not a file with the suffix of a supported image.
 */
export type LeftOutReason = 'link' | 'name' | 'unreadable' | 'format';

export interface LeftOutFile {
  readonly file: string;
  readonly reason: LeftOutReason;
}

/** Suffixes of images that are not supported. */
const IMAGES =
  /\.(heic|heif|avif|jxl|jp2|tiff?|bmp|gif|svg|ico|psd|dng|cr2|cr3|nef|arw|raf|rw2|orf|ppm|pgm|jfif|jpe)$/i;

const TEXTS: Readonly<Record<LeftOutReason, readonly [one: string, several: string]>> = {
  format: ['other file', 'other files'],
  link: ['symbolic link', 'symbolic links'],
  name: ['file whose name is not UTF-8', 'files whose names are not UTF-8'],
  unreadable: ['folder that cannot be read', 'folders that cannot be read'],
};

/** Files with the same reason. Images of an unsupported format form a group for each suffix. */
export interface LeftOutGroup {
  readonly files: readonly string[];
  /** Whether the files are no images, such as notes. */
  readonly isOther: boolean;
  /** `2 .heic, which is not supported`, or `7 symbolic links` */
  readonly text: string;
}

export const groupLeftOut = (leftOut: readonly LeftOutFile[]): LeftOutGroup[] => {
  const groups = new Map<string, LeftOutFile[]>();
  for (const one of leftOut) {
    const key = suffixOf(one) ?? one.reason;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].flatMap((files) => {
    const [first] = files;
    if (!first) return [];
    const suffix = suffixOf(first);
    const [one, several] = TEXTS[first.reason];
    return {
      files: files.map(({ file }) => file),
      isOther: first.reason === 'format' && suffix === undefined,
      text: `${files.length} ${suffix ? `${suffix}, which is not supported` : files.length === 1 ? one : several}`,
    };
  });
};

const suffixOf = ({ file, reason }: LeftOutFile): string | undefined =>
  reason === 'format' ? IMAGES.exec(file)?.[0].toLowerCase() : undefined;
