import type { Config } from '../../config/schema.js';
import { type Fault, SortbinError } from '../../kit/errors.js';
import type { ConfigFile } from './config-file.js';
import type { Prompt } from './prompt.js';
import { stopHint } from './service.js';
import {
  mergePatches,
  type Outcome,
  type Patch,
  type Step,
  type StepContext,
  type StepReport,
} from './setup.js';

export interface GuideOptions extends Pick<StepContext, 'clock' | 'signal'> {
  readonly file: ConfigFile;
  readonly steps: readonly Step[];
  readonly prompt: Prompt;
  /** Whether each step is tried on this machine. */
  readonly isChecked: boolean;
  /** Loads the bundle of a configuration. */
  readonly bundleOf: (context: Pick<StepContext, 'config' | 'folder'>) => ReturnType<StepContext['bundle']>;
}

/**
 * Leads a person through the steps. The file is written at the end of each step, so that an interruption leaves it as it
 * was after the last one. Returns the last report of each step.
 * @throws the reason of `signal`
 */
export const runGuide = async (options: GuideOptions): Promise<StepReport[]> => {
  const { steps, prompt, file, isChecked } = options;
  const reports: StepReport[] = [];
  for (const [index, step] of steps.entries()) {
    prompt.say(`\nStep ${index + 1} of ${steps.length}: ${step.title}`);
    prompt.say(step.intro);
    prompt.say(`Now: ${step.summary(file.config)}.`);
    const isPresent = step.section !== null && file.has(step.section);
    const choice = await chooseStart(prompt, isPresent, isChecked);
    if (choice === 'end') break;
    reports.push(choice === 'skip' ? skipped(step) : await new StepRun(options, step).run(choice));
  }
  return reports;
};

/** `keep`: the step only tries the present values. `ask`: it asks for values first. */
type Mode = 'keep' | 'ask';

const CHANGE = { value: 'ask', label: 'change the values' } as const;

/** Values that the file has are kept, unless the person decides to change them. */
const chooseStart = (
  prompt: Prompt,
  isPresent: boolean,
  isChecked: boolean,
): Promise<Mode | 'skip' | 'end'> => {
  const keep = { value: 'keep', label: `keep these values${isChecked ? ', and test them' : ''}` } as const;
  const choices = [
    ...(isPresent ? [keep, CHANGE] : [{ value: 'ask', label: 'start this step' } as const]),
    { value: 'skip', label: 'skip it' },
    { value: 'end', label: 'end the setup here' },
  ] as const;
  return prompt.choose<Mode | 'skip' | 'end'>('Choice', choices, isPresent ? 'keep' : 'ask');
};

const skipped = ({ name }: Step): StepReport => ({
  step: name,
  outcome: 'skipped',
  checked: false,
  lines: [],
});

/** The attempts of one step. */
class StepRun {
  #lines: string[] = [];
  /** The answers of the last attempt. null: they are not complete, or not allowed. */
  #patch: Patch | null = null;
  /** The values that the next attempt offers: those of the last one. */
  #offered: Config;

  constructor(
    private readonly options: GuideOptions,
    private readonly step: Step,
  ) {
    this.#offered = options.file.config;
  }

  async run(mode: Mode): Promise<StepReport> {
    let last = skipped(this.step);
    for (let next = mode; ; ) {
      try {
        last = this.#report(await this.#attempt(next), this.options.isChecked);
        const choice = await this.#chooseNext(next);
        if (choice === 'next') return last;
        next = choice === 'again' ? next : choice;
      } catch (thrown) {
        this.options.signal.throwIfAborted();
        const fault = faultOf(thrown);
        this.#explain(fault);
        const choice = await this.#chooseAfterFailure(next, fault);
        if (choice === 'skip') return last;
        if (choice === 'save') return { ...this.#report('failed', true), fault };
        next = choice === 'again' ? next : choice;
      }
    }
  }

  async #attempt(mode: Mode): Promise<Outcome> {
    const { file, prompt, isChecked } = this.options;
    this.#lines = [];
    this.#patch = null;
    await file.reload();
    const answers =
      mode === 'keep'
        ? {}
        : await this.step.ask({
            ...this.#context(this.#offered),
            prompt,
            problemOf: (patch, key) => problemOf(file, patch, key),
          });
    const config = file.preview(answers);
    this.#patch = answers;
    this.#offered = config;
    const found = isChecked ? await this.step.check(this.#context(config)) : {};
    this.options.signal.throwIfAborted();
    return this.#save(found);
  }

  #save(found: Patch): Outcome {
    const { file, prompt } = this.options;
    if (!file.write(mergePatches(this.#patch ?? {}, found)))
      return this.step.section === null ? 'done' : 'unchanged';
    prompt.say(`Saved in ${file.path}.`);
    return 'done';
  }

  #report(outcome: Outcome, checked: boolean): StepReport {
    return { step: this.step.name, outcome, checked, lines: this.#lines };
  }

  #context(config: StepContext['config']): StepContext {
    const { file, prompt, clock, signal, bundleOf } = this.options;
    const { folder } = file;
    const say = (text: string) => {
      this.#lines.push(text);
      prompt.say(text);
    };
    return { config, folder, prompt, say, clock, signal, bundle: () => bundleOf({ config, folder }) };
  }

  #explain({ code, message }: Fault): void {
    const { prompt } = this.options;
    prompt.say(`This step has failed: ${message}`);
    if (code === 'calibrate-busy') prompt.say(stopHint());
  }

  #chooseNext(mode: Mode): Promise<Mode | 'next' | 'again'> {
    const choices = [
      { value: 'next', label: 'continue with the next step' },
      { value: 'again', label: 'repeat this step' },
      ...(mode === 'keep' ? [CHANGE] : []),
    ] as const;
    return this.options.prompt.choose<Mode | 'next' | 'again'>('Choice', choices, 'next');
  }

  async #chooseAfterFailure(mode: Mode, fault: Fault): Promise<Mode | 'again' | 'skip' | 'save'> {
    const { file, prompt } = this.options;
    // If the file could not be written, another attempt to write it needs another try of the step.
    const canSave = fault.code !== 'setup-file' && this.#patch !== null && file.isChangedBy(this.#patch);
    const choices = [
      { value: 'again', label: 'repeat this step' },
      ...(mode === 'keep' ? [CHANGE] : []),
      { value: 'skip', label: 'skip it, and keep the earlier values' },
      ...(canSave
        ? [{ value: 'save', label: 'save the new values, although the test has failed' } as const]
        : []),
    ] as const;
    const choice = await prompt.choose<Mode | 'again' | 'skip' | 'save'>('Choice', choices, 'again');
    if (choice !== 'save') return choice;
    try {
      this.#save({});
      return choice;
    } catch (thrown) {
      const failed = faultOf(thrown);
      this.#explain(failed);
      return this.#chooseAfterFailure(mode, failed);
    }
  }
}

const problemOf = (file: ConfigFile, patch: Patch, key: string): string | null => {
  try {
    file.preview(patch);
    return null;
  } catch (thrown) {
    // The message has one line for each problem. Those of other keys may need the next answers.
    const lines = faultOf(thrown).message.split('\n');
    const problem = lines.find((line) => line.includes(`${key}: `));
    return problem === undefined ? null : problem.slice(problem.indexOf(`${key}: `));
  }
};

/** Returns the fault of an expected error. @throws any other error */
export const faultOf = (thrown: unknown): Fault => {
  if (thrown instanceof SortbinError) return { code: thrown.code, message: thrown.message };
  const { syscall, code, message } = thrown as NodeJS.ErrnoException;
  if (!(thrown instanceof Error) || syscall === undefined) throw thrown;
  return { code: code ?? 'system', message };
};
