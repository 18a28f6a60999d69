import type { Prompt } from '../prompt.js';
import type { Patch } from '../setup.js';

interface Line {
  readonly chip: string | null;
  readonly offset: number;
  readonly line: string | null;
}

/** `GPIO23`, or `pinctrl-bcm2711:23`. */
export const lineText = ({ chip, offset, line }: Line): string => line ?? `${chip}:${offset}`;

/** The answer for no line. */
export const NONE = 'none';

/**
 * Asks for a GPIO line: its BCM number, its name, or CHIP:OFFSET. Returns its address, or null for `none`.
 * `configured` is the answer to Enter, or `fallback` if nothing is configured.
 */
export const askLine = async (
  prompt: Prompt,
  question: string,
  configured: Line | null,
  fallback: string,
): Promise<Patch | null> => {
  const answer = await prompt.text(question, configured ? lineText(configured) : fallback);
  return answer === NONE ? null : lineFrom(answer);
};

/** On a Raspberry Pi, the line of the BCM number 17 has the name GPIO17. */
const lineFrom = (answer: string): Patch => {
  if (/^\d+$/.test(answer)) return { line: `GPIO${answer}` };
  const [, chip, offset] = /^(.+):(\d+)$/.exec(answer) ?? [];
  return chip === undefined ? { line: answer } : { chip, offset: Number(offset) };
};
