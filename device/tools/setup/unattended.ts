import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/schema.js';
import type { ConfigFile } from './config-file.js';
import { faultOf, type GuideOptions } from './guide.js';
import type { Patch, Step, StepContext, StepName, StepReport } from './setup.js';
import { checkFit } from './steps/gate.js';

export interface UnattendedOptions extends Omit<GuideOptions, 'prompt' | 'steps'> {
  /** All steps, in their order. */
  readonly steps: readonly Step[];
  /** The steps to report. Others are left out. */
  readonly names: readonly StepName[];
  readonly answers: Patch;
  /** Whether one item is sorted. The gate moves. */
  readonly isItemSorted: boolean;
}

/**
 * Checks the answers without the machine, and returns the new configuration. Writes nothing.
 * @throws ConfigError, PolicyError or SortbinError with each answer that is not allowed
 */
export const checkAnswers = async ({
  file,
  answers,
  bundleOf,
}: Pick<UnattendedOptions, 'file' | 'answers' | 'bundleOf'>): Promise<Config> => {
  const config = file.preview(answers);
  if ('policy' in answers || 'gate' in answers)
    await checkFit({ config, bundle: () => bundleOf({ config, folder: file.folder }) });
  return config;
};

/**
 * Writes the answers, which `checkAnswers` has accepted, and then tries each answered step. The file stays written if a
 * test fails, because hardware may be connected later. If `signal` is aborted, the reports of the finished steps are
 * returned.
 * @throws SetupError `setup-file`
 */
export const runUnattended = async (options: UnattendedOptions): Promise<StepReport[]> => {
  const { file, answers, steps, names } = options;
  const before = file.config;
  file.write(answers);
  const reports: StepReport[] = [];
  try {
    for (const step of steps.filter(({ name }) => names.includes(name)))
      reports.push(await reportOn(step, before, options));
  } catch (thrown) {
    if (!options.signal.aborted) throw thrown;
  }
  return reports;
};

const reportOn = async (step: Step, before: Config, options: UnattendedOptions): Promise<StepReport> => {
  const { file, answers, isChecked, isItemSorted, signal } = options;
  const { name, section } = step;
  const isAnswered = section === null ? isItemSorted : section in answers;
  if (!isAnswered) return { step: name, outcome: 'skipped', checked: false, lines: [] };
  const isUnchanged = section !== null && isDeepStrictEqual(file.config[section], before[section]);
  const outcome = isUnchanged ? 'unchanged' : 'done';
  const lines: string[] = [];
  if (!isChecked) return { step: name, outcome, checked: false, lines };
  signal.throwIfAborted();
  try {
    await step.check(contextOf(file, options, lines));
    return { step: name, outcome, checked: true, lines };
  } catch (thrown) {
    signal.throwIfAborted();
    return { step: name, outcome: 'failed', checked: true, lines, fault: faultOf(thrown) };
  }
};

const contextOf = (
  { config, folder }: ConfigFile,
  { clock, signal, bundleOf }: UnattendedOptions,
  lines: string[],
): StepContext => ({
  ...{ config, folder, clock, signal, prompt: null },
  say: (text) => void lines.push(text),
  bundle: () => bundleOf({ config, folder }),
});
