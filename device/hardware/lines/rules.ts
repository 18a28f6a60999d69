import type { Fault } from '../../kit/errors.js';
import type { InputRules, LineFault, LineRef, OutputRules, PwmRules } from './lines.js';

// The limits of sortbin-io. All drivers share them, so that a configuration fits each of them.
const NAME = /^[a-z0-9._-]{1,31}$/;
const NAME_CHARACTERS = '1 to 31 characters of a-z, 0-9, "-", "_" and "."';
const MAX_NAMES = 32;
const MAX_GUARDS = 4;
const MAX_OFFSET = 4_095;
const DAY_MS = 86_400_000;
const MAX_DEBOUNCE_MS = 60_000;
/** One word of a command to sortbin-io. */
const WORD = /^[!-~]{1,127}$/;

/** The lines requested so far. */
export interface KnownLines {
  readonly size: number;
  has(name: string): boolean;
  isInput(name: string): boolean;
}

type Problem = Fault<LineFault> | null;

const refuse = (name: string, problem: string): Problem => ({
  code: 'line-refused',
  message: `"${name}": ${problem}`,
  detail: name,
});

const checkName = (name: string, known: KnownLines): Problem => {
  if (!NAME.test(name)) {
    return refuse(name, `invalid name of a line. Use ${NAME_CHARACTERS}.`);
  }
  if (known.has(name)) return refuse(name, `the name is already in use. Give each line its own name.`);
  if (known.size >= MAX_NAMES) return refuse(name, `too many lines. At most ${MAX_NAMES} are allowed.`);
  return null;
};

const checkPlace = (name: string, at: LineRef): Problem => {
  const word = 'chip' in at ? at.chip : at.line;
  if (!WORD.test(word)) {
    const message =
      `"${name}": "${word}" must be 1 to 127 ASCII characters without spaces. ` +
      'Give the device name of the chip (gpiochip0) and the offset.';
    return { code: 'line-unsupported', message, detail: name };
  }
  if ('chip' in at && !(Number.isInteger(at.offset) && at.offset >= 0 && at.offset <= MAX_OFFSET)) {
    return refuse(name, `offset is ${at.offset}. Whole numbers from 0 to ${MAX_OFFSET} are allowed.`);
  }
  return null;
};

const checkMs = (name: string, what: string, ms: number, minMs: number, maxMs = DAY_MS): Problem =>
  ms >= minMs && ms <= maxMs
    ? null
    : refuse(name, `${what} is ${ms} ms. ${minMs} to ${maxMs} ms are allowed.`);

const checkGroup = (name: string, group: string): Problem =>
  NAME.test(group) ? null : refuse(name, `invalid group "${group}". Use ${NAME_CHARACTERS}.`);

const checkGuards = (name: string, guards: readonly string[], known: KnownLines): Problem => {
  if (guards.length > MAX_GUARDS) {
    return refuse(name, `it has ${guards.length} guards. At most ${MAX_GUARDS} are allowed.`);
  }
  const unknown = guards.find((guard) => !known.isInput(guard));
  if (unknown === undefined) return null;
  return refuse(name, `its guard "${unknown}" is not a requested input. Request the guard first.`);
};

export const checkInput = (name: string, { at, debounceMs }: InputRules, known: KnownLines): Problem =>
  checkName(name, known) ??
  checkPlace(name, at) ??
  checkMs(name, 'debounceMs', debounceMs, 0, MAX_DEBOUNCE_MS);

export const checkOutput = (name: string, rules: OutputRules, known: KnownLines): Problem => {
  const { at, maxOnMs, minOffMs, group, guards } = rules;
  return (
    checkName(name, known) ??
    checkPlace(name, at) ??
    checkMs(name, 'maxOnMs', maxOnMs, 1) ??
    checkMs(name, 'minOffMs', minOffMs, 0) ??
    (group === null ? null : checkGroup(name, group)) ??
    checkGuards(name, guards, known)
  );
};

export const checkPwm = (name: string, rules: PwmRules, known: KnownLines): Problem => {
  const { at, periodUs, minPulseUs, maxPulseUs, maxOnMs, guards } = rules;
  const lengths = [minPulseUs, maxPulseUs, periodUs];
  const isOrdered = 0 < minPulseUs && minPulseUs <= maxPulseUs && maxPulseUs <= periodUs;
  const lengthsProblem =
    isOrdered && lengths.every(Number.isSafeInteger)
      ? null
      : refuse(
          name,
          `minPulseUs ${minPulseUs}, maxPulseUs ${maxPulseUs} and periodUs ${periodUs} are invalid. ` +
            'They must be whole numbers above 0, in this order from shortest to longest.',
        );
  return (
    checkName(name, known) ??
    checkPlace(name, { chip: at.chip, offset: at.channel }) ??
    checkMs(name, 'maxOnMs', maxOnMs, 1) ??
    lengthsProblem ??
    checkGuards(name, guards, known)
  );
};

/** Checks the time of one pulse of an output. */
export const checkPulse = (name: string, onMs: number): Problem => checkMs(name, 'the pulse', onMs, 0.001);

/** Checks the pulse length of a servo. */
export const checkDuty = (name: string, pulseUs: number, { minPulseUs, maxPulseUs }: PwmRules): Problem =>
  Number.isInteger(pulseUs) && pulseUs >= minPulseUs && pulseUs <= maxPulseUs
    ? null
    : refuse(
        name,
        `a pulse of ${pulseUs} us is refused. Whole numbers from ${minPulseUs} to ${maxPulseUs} are allowed.`,
      );
