import { readFile } from 'node:fs/promises';
import { SystemClock } from '../../kit/clock.js';
import { messageOf } from '../../kit/errors.js';
import { plain } from '../../kit/plain-text.js';
import { wrapText } from '../../kit/wrap.js';
import type { Signing } from '../release/folder/publish.js';
import type { State } from '../release/folder/state.js';
import { type Plan, ReleaseError } from '../release/release.js';
import { TerminalPrompt } from '../setup/terminal-prompt.js';
import { InterruptedError } from './failure.js';
import { printJson } from './report.js';

// Questions, passphrases and output of `sortbin release`. The tool itself is loaded when a command runs.

/** Options of all commands that change a repository. */
export interface ChangeFlags {
  readonly keys: readonly string[];
  readonly passphraseFile?: readonly string[];
  readonly trustClock?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

type PlanFlags = Pick<ChangeFlags, 'yes' | 'json'>;

const MIN_PASSPHRASE = 10;

type PlanOf = (state: State, signing: Signing, prompt: TerminalPrompt | null) => Promise<Plan>;

/** Describes a change of a repository, asks, makes it, and prints the result. */
export const changeRepository = (repository: string, flags: ChangeFlags, planOf: PlanOf): Promise<void> =>
  withPrompt(flags, async (prompt) =>
    runPlan(await planFor(repository, flags, prompt, planOf), flags, prompt),
  );

/** Makes a change without a question or output. */
export const changeQuietly = (repository: string, flags: ChangeFlags, planOf: PlanOf): Promise<void> =>
  withPrompt(flags, async (prompt) => {
    await (await planFor(repository, flags, prompt, planOf)).apply?.();
  });

const planFor = async (
  repository: string,
  flags: ChangeFlags,
  prompt: TerminalPrompt | null,
  planOf: PlanOf,
): Promise<Plan> => {
  const [{ readState }, { systemDisk }, { KeyRing }] = await Promise.all([
    import('../release/folder/state.js'),
    import('../release/folder/disk.js'),
    import('../release/keys/key-ring.js'),
  ]);
  const state = readState(repository);
  const ring = new KeyRing(flags.keys, state.firstRoot, {
    known: await readPassphrases(flags.passphraseFile),
    ask: prompt
      ? (file, isRepeated) =>
          prompt.secret(`${isRepeated ? 'Wrong passphrase. ' : ''}Passphrase of ${plain(file)}`)
      : null,
  });
  const nowMs = new SystemClock().wallMs();
  const signing = { ring, disk: systemDisk, nowMs, isClockTrusted: flags.trustClock === true };
  return planOf(state, signing, prompt);
};

/** Calls `use` with a prompt, or with null if there is no terminal or a program reads the output. */
export const withPrompt = async (
  { json = false }: PlanFlags,
  use: (prompt: TerminalPrompt | null) => Promise<void>,
): Promise<void> => {
  const { stdin, stdout } = process;
  const isTerminal = stdin.isTTY && stdout.isTTY && !json;
  const interruption = () => new InterruptedError();
  const prompt = isTerminal ? new TerminalPrompt(stdin, stdout, new AbortController(), interruption) : null;
  try {
    await use(prompt);
  } catch (thrown) {
    if (!(thrown instanceof InterruptedError)) throw thrown;
    process.exitCode = thrown.exitCode;
    process.stderr.write('\nsortbin: interrupted. The repository is unchanged.\n');
  }
};

const COLUMNS = 80;

/** Returns what a plan does, for a terminal of 80 columns. A path or a name that is longer than a line is cut into lines. */
export const linesOfPlan = ({ steps }: Pick<Plan, 'steps'>): string[] =>
  steps
    .flatMap((step) => wrapText(plain(step), COLUMNS))
    .flatMap((line) => line.match(new RegExp(`.{1,${COLUMNS}}`, 'g')) ?? []);

export const runPlan = async (
  plan: Plan,
  { yes = false, json = false }: PlanFlags,
  prompt: TerminalPrompt | null,
): Promise<void> => {
  const { apply, unchanged } = plan;
  const say = (line: string) => json || process.stdout.write(`${plain(line)}\n`);
  for (const line of linesOfPlan(plan)) say(line);
  if (apply && !yes) {
    if (!prompt)
      throw new ReleaseError(
        'release-no-terminal',
        'sortbin release: no terminal to ask on. Run it on a terminal, or use --yes.',
      );
    if (!(await prompt.confirm('Continue?', true))) return void say('Nothing was changed.');
  }
  const report = apply ? await apply() : unchanged;
  for (const line of report?.lines ?? []) say(line);
  if (json && report) printJson({ schema: 1, ...report.json });
};

/** Returns the passphrase for new keys: of a file, or typed twice. @throws ReleaseError `release-key` */
export const newPassphrase = async (
  files: readonly string[] | undefined,
  keys: string,
  prompt: TerminalPrompt | null,
): Promise<string> => {
  const [known] = await readPassphrases(files);
  const problemOf = (text: string) =>
    text.length < MIN_PASSPHRASE
      ? `The passphrase is too short. Use at least ${MIN_PASSPHRASE} characters.`
      : null;
  if (known !== undefined || !prompt) {
    const problem =
      known === undefined
        ? 'a passphrase is needed. Use --passphrase-file, or run the command on a terminal.'
        : problemOf(known);
    if (problem !== null || known === undefined) throw new ReleaseError('release-key', `${keys}: ${problem}`);
    return known;
  }
  for (;;) {
    const passphrase = await prompt.secret(`New passphrase for ${keys}`);
    const problem =
      problemOf(passphrase) ??
      ((await prompt.secret('The same again')) === passphrase
        ? null
        : 'The passphrases differ. Type them again.');
    if (problem === null) return passphrase;
    prompt.say(problem);
  }
};

/** Reads passphrase files: the first line of each, and of the file that the environment names. */
const readPassphrases = (files: readonly string[] = []): Promise<string[]> => {
  const { SORTBIN_RELEASE_PASSPHRASE_FILE: named } = process.env;
  return Promise.all([...files, ...(named ? [named] : [])].map(readPassphrase));
};

const readPassphrase = async (path: string): Promise<string> => {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new ReleaseError(
      'release-key',
      `${path}: the passphrase cannot be read (${messageOf(cause)}). Name a readable file.`,
      { cause },
    );
  });
  return text.split(/\r?\n/)[0] ?? '';
};
