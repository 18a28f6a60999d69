import type { Fault } from '../../kit/errors.js';
import type { InputRules, LineFault, LineRef, OutputRules, PwmRules } from './lines.js';

const NAME = /^[a-z0-9._-]{1,31}$/;
const MOST_NAMES = 32;
const MOST_GUARDS = 4;
const LAST_OFFSET = 4_095;
const DAY_MS = 86_400_000;
const LONGEST_DEBOUNCE_MS = 60_000;
/** What may stand as one word in a command. */
const WORD = /^[!-~]{1,127}$/;

/** What has been taken so far. */
export interface TakenLines {
  readonly size: number;
  has(name: string): boolean;
  isInput(name: string): boolean;
}

type Complaint = Fault<LineFault> | null;

const refuse = (message: string): Complaint => ({ code: 'line-refused', message });

const checkName = (name: string, taken: TakenLines): Complaint => {
  if (!NAME.test(name)) {
    return refuse(`"${name}" is no name for a line: 1 to 31 of a-z, 0-9, "-", "_" and "." are allowed`);
  }
  if (taken.has(name)) return refuse(`"${name}" is taken already; each line has a name of its own`);
  if (taken.size >= MOST_NAMES) return refuse(`"${name}" is one line too many; ${MOST_NAMES} are allowed`);
  return null;
};

const checkPlace = (name: string, at: LineRef): Complaint => {
  const word = 'chip' in at ? at.chip : at.line;
  if (!WORD.test(word)) {
    return {
      code: 'line-unsupported',
      message: `"${name}": "${word}" cannot be passed on, it has a space or a foreign character; give chip and offset instead`,
    };
  }
  if ('chip' in at && !(Number.isInteger(at.offset) && at.offset >= 0 && at.offset <= LAST_OFFSET)) {
    return refuse(`"${name}": ${at.offset} is no line of a chip; those are whole numbers from 0`);
  }
  return null;
};

const checkMs = (name: string, what: string, ms: number, leastMs: number, mostMs = DAY_MS): Complaint =>
  ms >= leastMs && ms <= mostMs
    ? null
    : refuse(`"${name}": ${what} is ${ms} ms; ${leastMs} to ${mostMs} ms are allowed`);

const checkGuards = (name: string, guards: readonly string[], taken: TakenLines): Complaint => {
  if (guards.length > MOST_GUARDS) {
    return refuse(`"${name}" has ${guards.length} guards; ${MOST_GUARDS} are allowed`);
  }
  const stranger = guards.find((guard) => !taken.isInput(guard));
  if (stranger === undefined) return null;
  return refuse(`"${name}": its guard "${stranger}" is no input that has been taken; take that one first`);
};

export const checkInput = (name: string, { at, debounceMs }: InputRules, taken: TakenLines): Complaint =>
  checkName(name, taken) ??
  checkPlace(name, at) ??
  checkMs(name, 'debounceMs', debounceMs, 0, LONGEST_DEBOUNCE_MS);

export const checkOutput = (name: string, rules: OutputRules, taken: TakenLines): Complaint => {
  const { at, maxOnMs, minOffMs, group, guards } = rules;
  return (
    checkName(name, taken) ??
    checkPlace(name, at) ??
    checkMs(name, 'maxOnMs', maxOnMs, 1) ??
    checkMs(name, 'minOffMs', minOffMs, 0) ??
    (group === null || NAME.test(group) ? null : refuse(`"${name}": "${group}" is no name for a group`)) ??
    checkGuards(name, guards, taken)
  );
};

export const checkPwm = (name: string, rules: PwmRules, taken: TakenLines): Complaint => {
  const { at, periodUs, minPulseUs, maxPulseUs, maxOnMs, guards } = rules;
  const lengths = [minPulseUs, maxPulseUs, periodUs];
  const ordered = 0 < minPulseUs && minPulseUs <= maxPulseUs && maxPulseUs <= periodUs;
  return (
    checkName(name, taken) ??
    checkPlace(name, { chip: at.chip, offset: at.channel }) ??
    checkMs(name, 'maxOnMs', maxOnMs, 1) ??
    (ordered && lengths.every(Number.isSafeInteger)
      ? null
      : refuse(`"${name}": pulses of ${minPulseUs} to ${maxPulseUs} us do not fit into ${periodUs} us`)) ??
    checkGuards(name, guards, taken)
  );
};

/** Of a single pulse of an output. */
export const checkPulse = (name: string, onMs: number): Complaint => checkMs(name, 'the pulse', onMs, 0.001);

/** Of the pulses of a servo. */
export const checkDuty = (name: string, pulseUs: number, { minPulseUs, maxPulseUs }: PwmRules): Complaint =>
  Number.isInteger(pulseUs) && pulseUs >= minPulseUs && pulseUs <= maxPulseUs
    ? null
    : refuse(
        `"${name}": a pulse of ${pulseUs} us is refused; whole numbers from ${minPulseUs} to ${maxPulseUs} are allowed`,
      );
