/** A piece of prose: a paragraph, a table cell, a comment or a message. Inline code is replaced by the word `Code`. */
export interface Prose {
  readonly kind: 'paragraph' | 'cell' | 'comment' | 'message';
  /** First line in the file, from 1. */
  readonly line: number;
  readonly text: string;
}

/** A violation of a rule. */
export interface Finding {
  readonly line: number;
  readonly message: string;
}

/** Maximum words of a sentence. */
export const MAX_WORDS = 25;
/** Maximum characters of a table cell. */
export const MAX_CELL = 100;

/** Words that this project does not use, each with the words to use instead. */
const WORDS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\b(nobody|no one)\b/i, 'name the person or program'],
  [/\b(whoever|whatever it is|the one (who|that)|those who)\b/i, 'name the thing'],
  [/\banew\b/i, 'again'],
  [/\bof (its|their|your|our|one's) own\b/i, 'separate, or your'],
  [/\bby itself\b/i, 'automatically, or alone'],
  [/\b(heed|heeds|heeded|hearken)\b/i, 'accept, or react to'],
  [/\b(is|are|was|were|be) told\b/i, 'receive, or is notified'],
  [/\b(can(not)?|may|to) be had\b/i, 'available'],
  [/\bwell again\b/i, 'recovered'],
  [/\bpassed over\b/i, 'skipped'],
  [/\bas it lies\b/i, 'unchanged'],
  [/\b(thereof|therein|whence|whereof|lest|hitherto|henceforth|amiss)\b/i, 'a common word'],
  [/\bat hand\b/i, 'available'],
  [/\bin hand\b/i, 'current'],
  [/\bhangs? on (a |the |GPIO )?(line|pin)s?\b/i, 'is connected to'],
  [/\b(walls between|rooms of device)\b/i, 'import rules, modules'],
  [/\bvision child\b/i, 'vision process'],
  [/\bequal bits\b/i, 'bit-identical'],
  [/\bthe mark\b/i, 'the baseline'],
  [/\b(color|behavior|gray|labeled|center)\b/, 'British spelling'],
];

/** Returns the violations of one piece of prose. */
export const findIn = ({ kind, line, text }: Prose): Finding[] => {
  const findings: Finding[] = [];
  for (const [pattern, instead] of WORDS) {
    const found = pattern.exec(text);
    if (found) findings.push({ line, message: `"${found[0]}": write ${instead}` });
  }
  for (const sentence of sentencesOf(text)) {
    const words = sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
    if (words > MAX_WORDS)
      findings.push({ line, message: `${words} words, at most ${MAX_WORDS}: "${sentence.slice(0, 60)}..."` });
  }
  if (kind === 'cell' && text.length > MAX_CELL)
    findings.push({ line, message: `table cell of ${text.length} characters, at most ${MAX_CELL}` });
  return findings;
};

/** Splits at the end of a sentence, at a colon and at a blank line. A dot inside a word, a number or "e.g." does not end one. */
const sentencesOf = (text: string): string[] =>
  text
    .split(/(?<=(?<!\b(?:e\.g|i\.e|etc|vs|no))[.!?]["')*_]*)\s+|:\s+|\n\s*\n/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '');
