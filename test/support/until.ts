import { setTimeout as wait } from 'node:timers/promises';

const LOOK_EVERY_MS = 2;

/** Resolves as soon as it holds; rejects with `what`, as it is by then, when it does not within a generous time. */
export const until = async (
  what: string | (() => string),
  holds: () => boolean,
  boundMs = 8_000,
): Promise<void> => {
  const endMs = performance.now() + boundMs;
  while (!holds()) {
    if (performance.now() > endMs) {
      const wanted = typeof what === 'string' ? what : what();
      throw new Error(`within ${boundMs} ms it did not come to this: ${wanted}`);
    }
    await wait(LOOK_EVERY_MS);
  }
};
