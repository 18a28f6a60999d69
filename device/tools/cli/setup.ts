import { join } from 'node:path';
import { Command, Option } from 'commander';
import { readConfigText } from '../../config/config-text.js';
import { parseConfig } from '../../config/load.js';
import { ConfigError } from '../../config/problems.js';
import { SystemClock } from '../../kit/clock.js';
import { plainLines } from '../../kit/plain-text.js';
import { packageVersion } from '../../kit/root.js';
import { loadBundle } from '../../perception/inference/bundle/bundle.js';
import { bundleFolder } from '../../wire/model.js';
import { CalibrateError } from '../calibrate/calibrate.js';
import { withLinesOnDemand } from '../calibrate/stopped-bin.js';
import type { Check } from '../doctor/doctor.js';
import { renderSection } from '../doctor/render.js';
import { ConfigFile } from '../setup/config-file.js';
import { faultOf, runGuide } from '../setup/guide.js';
import { startHint, stopHint } from '../setup/service.js';
import { STEP_NAMES, type StepContext, type StepName, type StepReport } from '../setup/setup.js';
import { STEPS } from '../setup/steps.js';
import { TerminalPrompt } from '../setup/terminal-prompt.js';
import { checkAnswers, runUnattended } from '../setup/unattended.js';
import { abortOnStop, withExitCode } from './calibrate-run.js';
import { CONFIG_OPTION, defaultFile } from './config-option.js';

import { EXIT, InterruptedError } from './failure.js';
import { exitCodesHelp, printJson, terminalStyle } from './report.js';
import { type Answers, readAnswers } from './setup-answers.js';

interface SetupFlags {
  readonly config?: string;
  readonly answers?: string;
  readonly set: readonly string[];
  readonly yes?: boolean;
  readonly step?: StepName[];
  readonly check: boolean;
  readonly testItem?: boolean;
  readonly json?: boolean;
}

export const setupCommand = (): Command =>
  new Command('setup')
    .description('set up the bin step by step on a terminal, or from an answers file')
    .option(...CONFIG_OPTION)
    .option('--answers <file>', 'YAML file with sections of the configuration; no question is asked')
    .option('--set <key=value>', 'one answer, such as bin.id=hall; repeatable', appendTo, [])
    .option('--yes', 'with answers, write the file without a question')
    .addOption(new Option('--step <name...>', 'only these steps').choices([...STEP_NAMES]))
    .option('--no-check', 'do not try the camera, lines and broker of this machine')
    .option('--test-item', 'with answers, also sort one item; the gate moves')
    .option('--json', 'with answers, print {schema, sortbin, exitCode, file, changed, steps} as JSON')
    .addHelpText(
      'after',
      exitCodesHelp({
        0: 'each step has succeeded, or was skipped',
        [EXIT.usage]: 'the command line is not valid',
        [EXIT.input]: 'there is no terminal and no answer',
        [EXIT.unavailable]: 'the test of a step has failed; the new values are in the file',
        [EXIT.cannotCreate]: 'the file cannot be written',
        [EXIT.configuration]: 'an answer, or the present configuration, is not valid',
        129: 'SIGHUP ended it, or its terminal was closed; what was saved stays saved',
        130: 'the same with Ctrl-C',
        143: 'the same with SIGTERM',
      }),
    )
    .action((flags: SetupFlags) => withExitCode(setup(flags)));

const appendTo = (text: string, before: readonly string[]): string[] => [...before, text];

const setup = async (flags: SetupFlags): Promise<void> => {
  const path = flags.config ?? defaultFile();
  const file = await ConfigFile.open(path, {
    read: readConfigText,
    parse: (text) => parseConfig(text, path),
  });
  // The unit of the Debian package loads the secrets from this folder.
  process.env.CREDENTIALS_DIRECTORY ??= join(file.folder, 'credentials');
  const stop = abortOnStop();
  const answers = await readAnswers(flags.answers, flags.set);
  for (const warning of answers?.warnings ?? []) process.stderr.write(plainLines(`sortbin: ${warning}\n`));
  try {
    if (answers) await fromAnswers(file, answers, flags, stop);
    else await onTerminal(file, flags, stop);
  } catch (thrown) {
    if (thrown instanceof InterruptedError || stop.signal.aborted) {
      process.exitCode = exitCodeOf(stop.signal);
      process.stderr.write(
        `\nsortbin: interrupted. ${file.path} is as it was after the last finished step.\n`,
      );
      return;
    }
    throw thrown;
  }
};

const exitCodeOf = ({ reason }: AbortSignal): number =>
  reason instanceof InterruptedError ? reason.exitCode : new InterruptedError().exitCode;

const bundleOf = (context: Pick<StepContext, 'config' | 'folder'>) => loadBundle(bundleFolder(context));

const fromAnswers = async (
  file: ConfigFile,
  { patch: answers, explain }: Answers,
  flags: SetupFlags,
  stop: AbortController,
): Promise<void> => {
  const { json = false, yes = false, check: isChecked, testItem: isItemSorted = false } = flags;
  const shared = { file, answers, bundleOf, isChecked, isItemSorted, clock: new SystemClock() };
  await checkAnswers(shared).catch((thrown) => {
    throw thrown instanceof ConfigError ? explain(thrown) : thrown;
  });
  const changed = file.isChangedBy(answers);
  if (changed && !yes && !json && process.stdin.isTTY && process.stdout.isTTY) {
    const prompt = makePrompt(stop);
    prompt.say(`Sections: ${Object.keys(answers).join(', ')}.`);
    if (!(await prompt.confirm(`Write them into ${file.path}?`, true)))
      return prompt.say('Nothing was written.');
  }
  const names = flags.step ?? STEP_NAMES;
  const steps = await runUnattended({ ...shared, steps: STEPS, names, signal: stop.signal });
  const exitCode = stop.signal.aborted ? exitCodeOf(stop.signal) : exitCodeOfSteps(steps);
  if (exitCode !== 0) process.exitCode = exitCode;
  if (json)
    return printJson({ schema: 1, sortbin: packageVersion(), exitCode, file: file.path, changed, steps });
  printSteps(steps);
  process.stdout.write(`${file.path} ${changed ? 'written' : 'is unchanged'}\n`);
  if (stop.signal.aborted) process.stderr.write('sortbin: interrupted. The other steps were not tested.\n');
  process.stdout.write(`${[...simulatedHint(file), startHint(file.path)].join('\n')}\n`);
};

const onTerminal = async (file: ConfigFile, flags: SetupFlags, stop: AbortController): Promise<void> => {
  if (flags.json || !process.stdin.isTTY || !process.stdout.isTTY)
    throw new CalibrateError(
      'calibrate-no-terminal',
      'sortbin setup: no terminal to ask on. Run it on a terminal, use ssh -t, or use --answers FILE.',
    );
  file.checkWritable();
  const prompt = makePrompt(stop);
  const { step: names = STEP_NAMES, check: isChecked } = flags;
  prompt.say(`This setup writes ${file.path} after each step. Ctrl-C ends it at any time.`);
  if (isChecked) await warnOfRunningBin(file, prompt, stop.signal);
  const steps = await runGuide({
    ...{ file, prompt, isChecked, bundleOf, clock: new SystemClock(), signal: stop.signal },
    steps: STEPS.filter(({ name }) => names.includes(name)),
  });
  process.stdout.write('\n');
  const exitCode = exitCodeOfSteps(steps);
  if (exitCode !== 0) process.exitCode = exitCode;
  printSteps(steps);
  for (const hint of [...simulatedHint(file), startHint(file.path)]) prompt.say(hint);
};

const SIMULATED = { camera: 'camera', sensor: 'trigger', gate: 'gate' } as const;

/** Names the simulated parts, which a new file has, and how to change them. Empty: there is none. */
const simulatedHint = ({ config, path }: ConfigFile): string[] => {
  const steps = Object.entries(SIMULATED).flatMap(([step, part]) =>
    config[part].driver === 'simulated' ? [step] : [],
  );
  if (steps.length === 0) return [];
  const command = `sortbin setup --config ${path} --step ${steps.join(' ')}`;
  return [`Simulated: ${steps.join(', ')}. To use real ones, run "${command}".`];
};

/** The camera, the lines and the broker can only be tried while the bin is stopped. */
const warnOfRunningBin = async (
  file: ConfigFile,
  prompt: TerminalPrompt,
  signal: AbortSignal,
): Promise<void> => {
  try {
    await withLinesOnDemand(file, signal, async () => {});
  } catch (thrown) {
    prompt.say(`\n${faultOf(thrown).message} ${stopHint()}`);
  }
};

const makePrompt = (stop: AbortController): TerminalPrompt =>
  new TerminalPrompt(process.stdin, process.stdout, stop, () => new InterruptedError());

const exitCodeOfSteps = (steps: readonly StepReport[]): number =>
  steps.some(({ outcome }) => outcome === 'failed') ? EXIT.unavailable : 0;

const STATUS = { done: 'ok', unchanged: 'ok', skipped: 'note', failed: 'fail' } as const;

const printSteps = (steps: readonly StepReport[]): void => {
  const { colour, columns } = terminalStyle();
  const checks = steps.map(({ step, outcome, checked, lines, fault }): Check => {
    const state = checked || outcome === 'skipped' ? outcome : `${outcome}, not tested`;
    const hint = fault?.code === 'calibrate-busy' ? [stopHint()] : [];
    return {
      name: step,
      status: STATUS[outcome],
      text: [state, ...lines, ...(fault ? [fault.message] : []), ...hint].join('\n'),
    };
  });
  const style = { colour, columns: Math.min(columns, 80) };
  process.stdout.write(renderSection({ title: 'setup', checks, exitCode: EXIT.unavailable }, style));
};
