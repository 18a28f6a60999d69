/** The parts whose progress is watched. */
export type WatchedPart = 'camera' | 'vision' | 'journal';

/** Records whether the parts make progress. */
export interface Progress {
  /** Records the start of an attempt. Call the returned function at its end. */
  begin(part: WatchedPart): (ok: boolean) => void;
}

/** Runs one attempt of a part. `isOk` and `isErrorOk` tell whether its result, or what it throws, is progress. */
export const attempt = async <T>(
  progress: Progress | undefined,
  part: WatchedPart,
  work: () => Promise<T>,
  isOk: (result: T) => boolean = () => true,
  isErrorOk: (error: unknown) => boolean = () => false,
): Promise<T> => {
  const end = progress?.begin(part);
  try {
    const result = await work();
    end?.(isOk(result));
    return result;
  } catch (error) {
    end?.(isErrorOk(error));
    throw error;
  }
};
