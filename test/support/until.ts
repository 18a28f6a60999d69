import { setTimeout as wait } from 'node:timers/promises';

const POLL_MS = 2;

/** Waits until the condition is true. Rejects after a generous timeout, with a description of the expected state. */
export const until = async (
  description: string | (() => string),
  isTrue: () => boolean,
  timeoutMs = 8_000,
): Promise<void> => {
  const endMs = performance.now() + timeoutMs;
  while (!isTrue()) {
    if (performance.now() > endMs) {
      const text = typeof description === 'string' ? description : description();
      throw new Error(`not true within ${timeoutMs} ms: ${text}`);
    }
    await wait(POLL_MS);
  }
};
