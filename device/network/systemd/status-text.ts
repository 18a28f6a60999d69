import { plain } from '../../kit/plain-text.js';
import type { LivenessState } from '../../status/liveness.js';
import type { BinState } from '../../status/status.js';

const MAX_BYTES = 500;

/** Returns one line for `systemctl status`: what the bin does, its faults by code, and parts without progress. */
export const statusText = (
  {
    cycle,
    locked,
    held,
    lastItem,
    faults,
  }: Pick<BinState, 'cycle' | 'locked' | 'held' | 'lastItem' | 'faults'>,
  liveness: LivenessState,
): string => {
  const stalled = liveness.ok ? [] : liveness.stalled.map(({ part }) => part);
  const sentences = [
    `Cycle: ${cycle}`,
    ...(held ? ['A person holds the bin'] : locked ? ['The service switch locks the gate'] : []),
    lastItem ? `Last item: #${lastItem.seq} ${lastItem.outcome}` : 'No item yet',
    faults.length === 0
      ? 'No faults'
      : `Faults: ${faults.map(({ part, code }) => `${part} (${code})`).join(', ')}`,
    ...(stalled.length === 0 ? [] : [`No progress: ${stalled.join(', ')}`]),
  ];
  return shortened(plain(`${sentences.join('. ')}.`));
};

/** Removes characters from the end of a text that is too long. */
const shortened = (text: string): string =>
  Buffer.byteLength(text) <= MAX_BYTES
    ? text
    : Buffer.from(text)
        .subarray(0, MAX_BYTES)
        .toString()
        .replace(/\ufffd$/, '');
