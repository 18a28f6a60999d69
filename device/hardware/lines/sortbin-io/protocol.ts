import type { Bias, InputRules, LineRef, OutputRules, PwmRules } from '../lines.js';
import { toUs } from '../time.js';

// The protocol of sortbin-io. ../io/README.md describes it.

export const PROTOCOL = 1;

/** Maximum length of a line, in both directions. */
export const MAX_LINE_LENGTH = 400;
/** Maximum length of a command, without its number and the space after it. */
export const MAX_COMMAND_LENGTH = MAX_LINE_LENGTH - 11;

const CODES = ['missing', 'busy', 'denied', 'gone', 'refused', 'guarded', 'failed', 'command'] as const;
export type IoCode = (typeof CODES)[number];

const REASONS = ['command', 'time', 'bound', 'lease', 'guard'] as const;
type IoReason = (typeof REASONS)[number];

export type IoEvent =
  | {
      readonly type: 'edge';
      readonly name: string;
      readonly atNs: bigint;
      readonly active: boolean;
      readonly missed: number;
    }
  | { readonly type: 'off'; readonly name: string; readonly reason: IoReason; readonly atNs: bigint }
  | { readonly type: 'gone'; readonly name: string; readonly text: string };

/** A parsed line of sortbin-io's output. */
export type IoMessage =
  | { readonly type: 'version'; readonly protocol: number; readonly version: string }
  | { readonly type: 'ok'; readonly id: number; readonly value: string }
  | { readonly type: 'error'; readonly id: number; readonly code: IoCode; readonly text: string }
  | IoEvent;

const NAME = '[a-z0-9._-]{1,31}';

type Words = readonly [string, string, string, string];

/** The pattern of each kind of line, with the function that makes a message of its captured words. */
const FORMS: readonly (readonly [RegExp, (words: Words) => IoMessage])[] = [
  [
    /^sortbin-io (\d{1,9}) (\S+)$/,
    ([protocol, version]) => ({ type: 'version', protocol: Number(protocol), version }),
  ],
  [/^(\d{1,10}) ok(?: (.*))?$/, ([id, value]) => ({ type: 'ok', id: Number(id), value })],
  [
    new RegExp(`^(\\d{1,10}) error (${CODES.join('|')})(?: (.*))?$`),
    ([id, code, text]) => ({ type: 'error', id: Number(id), code: code as IoCode, text }),
  ],
  [
    new RegExp(`^edge (${NAME}) (\\d{1,20}) ([01]) (\\d{1,10})$`),
    ([name, ns, active, missed]) => ({
      type: 'edge',
      name,
      atNs: BigInt(ns),
      active: active === '1',
      missed: Number(missed),
    }),
  ],
  [
    new RegExp(`^off (${NAME}) (${REASONS.join('|')}) (\\d{1,20})$`),
    ([name, reason, ns]) => ({ type: 'off', name, reason: reason as IoReason, atNs: BigInt(ns) }),
  ],
  [new RegExp(`^gone (${NAME})(?: (.*))?$`), ([name, text]) => ({ type: 'gone', name, text })],
];

/** Parses a line of sortbin-io's output. Returns null if the line does not follow the protocol. */
export const parseMessage = (line: string): IoMessage | null => {
  for (const [form, toMessage] of FORMS) {
    const match = form.exec(line);
    if (match) return toMessage([match[1] ?? '', match[2] ?? '', match[3] ?? '', match[4] ?? '']);
  }
  return null;
};

const BIAS: Record<Bias, string> = {
  'as-is': '',
  'pull-up': 'bias=up',
  'pull-down': 'bias=down',
  disabled: 'bias=off',
};

const join = (...words: readonly string[]): string => words.filter((word) => word !== '').join(' ');

/** Returns the words of the protocol for the place of a line. */
export const placeWords = (at: LineRef): string =>
  'chip' in at ? `chip ${at.chip} ${at.offset}` : `line ${at.line}`;

/** Returns the command that requests an input. It includes `edges` for guards and for listeners that are added later. */
export const inputRequest = (name: string, { at, bias, activeLow, debounceMs }: InputRules): string =>
  join(
    'in',
    name,
    placeWords(at),
    BIAS[bias],
    activeLow ? 'low' : '',
    debounceMs > 0 ? `debounce=${toUs(debounceMs)}` : '',
    'edges',
  );

/**
 * Returns the command that requests an output. `place` is in the words of the protocol.
 * In the protocol, `bound` is the maximum on-time and `rest` the minimum off-time.
 */
export const outputRequest = (
  name: string,
  place: string,
  { activeLow, maxOnMs, minOffMs, group, guards }: OutputRules,
  leaseMs: number,
): string =>
  join(
    'out',
    name,
    place,
    `bound=${toUs(maxOnMs)}`,
    activeLow ? 'low' : '',
    minOffMs > 0 ? `rest=${toUs(minOffMs)}` : '',
    `lease=${toUs(leaseMs)}`,
    group === null ? '' : `group=${group}`,
    ...guards.map((guard) => `guard=${guard}`),
  );

/** Returns the command that requests a PWM channel. */
export const pwmRequest = (name: string, rules: PwmRules, leaseMs: number): string => {
  const { at, periodUs, minPulseUs, maxPulseUs, maxOnMs, guards } = rules;
  return join(
    'pwm',
    name,
    at.chip,
    String(at.channel),
    `period=${periodUs}`,
    `min=${minPulseUs}`,
    `max=${maxPulseUs}`,
    `bound=${toUs(maxOnMs)}`,
    `lease=${toUs(leaseMs)}`,
    ...guards.map((guard) => `guard=${guard}`),
  );
};
