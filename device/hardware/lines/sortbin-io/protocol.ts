import type { Bias, InputRules, LineRef, OutputRules, PwmRules } from '../lines.js';
import { toUs } from '../time.js';

/** The version of the protocol in io/README.md. */
export const PROTOCOL = 1;

/** No line is longer, in either direction. */
export const LONGEST_LINE = 400;
/** What remains of it for a command after its number. */
export const LONGEST_COMMAND = LONGEST_LINE - 11;

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

/** A line that sortbin-io says. */
export type IoMessage =
  | { readonly type: 'greeting'; readonly protocol: number; readonly version: string }
  | { readonly type: 'ok'; readonly id: number; readonly value: string }
  | { readonly type: 'error'; readonly id: number; readonly code: IoCode; readonly text: string }
  | IoEvent;

const NAME = '[a-z0-9._-]{1,31}';

type Words = readonly [string, string, string, string];

/** Each form that a line may have, and what its words say. */
const FORMS: readonly (readonly [RegExp, (words: Words) => IoMessage])[] = [
  [
    /^sortbin-io (\d{1,9}) (\S+)$/,
    ([protocol, version]) => ({ type: 'greeting', protocol: Number(protocol), version }),
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

/** What a line says; null where that is not of the protocol. */
export const parse = (line: string): IoMessage | null => {
  for (const [form, read] of FORMS) {
    const found = form.exec(line);
    if (found) return read([found[1] ?? '', found[2] ?? '', found[3] ?? '', found[4] ?? '']);
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

/** Where a line is, in the words of the protocol. */
export const place = (at: LineRef): string =>
  'chip' in at ? `chip ${at.chip} ${at.offset}` : `line ${at.line}`;

/** Every input tells its edges: an output that it guards needs them, and a listener may come at any time. */
export const inputWords = (name: string, { at, bias, activeLow, debounceMs }: InputRules): string =>
  join(
    'in',
    name,
    place(at),
    BIAS[bias],
    activeLow ? 'low' : '',
    debounceMs > 0 ? `debounce=${toUs(debounceMs)}` : '',
    'edges',
  );

export const outputWords = (
  name: string,
  where: string,
  { activeLow, maxOnMs, minOffMs, group, guards }: OutputRules,
  leaseMs: number,
): string =>
  join(
    'out',
    name,
    where,
    `bound=${toUs(maxOnMs)}`,
    activeLow ? 'low' : '',
    minOffMs > 0 ? `rest=${toUs(minOffMs)}` : '',
    `lease=${toUs(leaseMs)}`,
    group === null ? '' : `group=${group}`,
    ...guards.map((guard) => `guard=${guard}`),
  );

export const pwmWords = (name: string, rules: PwmRules, leaseMs: number): string => {
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
